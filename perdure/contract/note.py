"""Notes: decisions of the workflow that leave no history event of their own (architecture 4.6).

The workflow writes them with `upsert_memo`; the fold turns each into the journal row of the same name.
"""

from typing import Any

from pydantic import Field

from perdure.contract.error import ErrorInfo
from perdure.contract.journal import JournalType
from perdure.contract.model import Message


class Note(Message):
    """One decision. `kind` is the journal type it becomes; `step` and `round` name what it is about."""

    kind: JournalType
    step: str | None = None
    round: int | None = None
    actor: str | None = None
    reason: str | None = None
    error: ErrorInfo | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class NoteBatch(Message):
    """The memo field `notes`: all notes of one activation, and how many the job has written so far."""

    n: int
    e: list[Note]
