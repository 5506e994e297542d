"""Writes the workflow's notes: decisions that leave no event of their own; the fold reads them."""

import asyncio
from typing import Any

from temporalio import workflow

from perdure.contract.error import ErrorInfo
from perdure.contract.journal import JournalType
from perdure.contract.name import MEMO_NOTES
from perdure.contract.note import Note, NoteBatch

BATCH = 200
"""Notes in one memo at most, so that a flood of refused signals stays far from the memo's size limit."""


class NoteWriter:
    """Gathers notes and writes them once an activation, as one memo upsert."""

    def __init__(self, written: int) -> None:
        self.written = written
        self._pending: list[Note] = []

    def add(
        self,
        kind: JournalType,
        /,
        *,
        step: str | None = None,
        round_: int | None = None,
        actor: str | None = None,
        reason: str | None = None,
        error: ErrorInfo | None = None,
        **data: Any,
    ) -> None:
        """Note a decision. It is written when what is ready now has run, before later commands."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending.append(
            Note(kind=kind, step=step, round=round_, actor=actor, reason=reason, error=error, data=data)
        )

    def flush(self) -> None:
        """Write what is pending now; called before the run returns, raises or continues as new."""
        while self._pending:
            batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
            self.written += len(batch)
            notes = NoteBatch(n=self.written, e=batch)
            workflow.upsert_memo({MEMO_NOTES: notes.model_dump(mode="json", by_alias=True, exclude_defaults=True)})
