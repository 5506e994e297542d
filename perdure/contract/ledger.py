"""The attempt ledger: which worker tried a step, when, with what outcome (architecture 4.3).

The wrapper carries it from attempt to attempt in heartbeat details; the fold reads it from results
and failures.
"""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from perdure.contract.error import ErrorInfo
from perdure.contract.model import Message
from perdure.contract.state import AttemptOutcome

KEEP_FIRST = 3
KEEP_LAST = 20

SHUTDOWN = "WORKER.SHUTDOWN"
"""Code of an attempt that was cut off because its worker was told to stop."""


class Usage(Message):
    """What an attempt took in a process of its own: CPU time, and the most memory that was resident."""

    cpu_ms: int
    peak_memory_bytes: int


class AttemptRecord(Message):
    """One attempt. `ended_at` and `outcome` are null while it runs."""

    attempt: int
    worker: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    error: ErrorInfo | None = None
    next_retry_at: datetime | None = None
    usage: Usage | None = None
    """Known only of what ran in a process of its own."""

    @property
    def interrupted(self) -> bool:
        """Whether a stopping worker cut it off: a deployment's doing, no try of the step's own.

        One whose worker vanished is none: the step itself may have taken it down. Nor is one that failed by itself
        with the same code, which a FAIL step may.
        """
        return self.outcome is AttemptOutcome.LOST and self.error is not None and self.error.code == SHUTDOWN


class AttemptLedger(Message):
    """The first 3 and last 20 attempts of one round of a step, and how many there were."""

    count: int = 0
    interrupted: int = 0
    """Of `count`, what stopping workers cut off, also where the record is not kept."""
    first: list[AttemptRecord] = Field(default_factory=list)
    last: list[AttemptRecord] = Field(default_factory=list)

    @property
    def tries(self) -> int:
        """The attempts that count against `maximum_attempts`."""
        return self.count - self.interrupted

    @property
    def records(self) -> list[AttemptRecord]:
        """What is kept, in order."""
        return [*self.first, *self.last]

    def put(self, record: AttemptRecord) -> Self:
        """The ledger with `record` added, or replacing the record of the same attempt."""
        cut_off = self.interrupted + record.interrupted
        if self.records and self.records[-1].attempt == record.attempt:
            return self._replace_newest(record, cut_off - self.records[-1].interrupted)
        more = {"count": self.count + 1, "interrupted": cut_off}
        if len(self.first) < KEEP_FIRST and not self.last:
            return self.model_copy(update={**more, "first": [*self.first, record]})
        return self.model_copy(update={**more, "last": [*self.last, record][-KEEP_LAST:]})

    def _replace_newest(self, record: AttemptRecord, cut_off: int) -> Self:
        kept = "last" if self.last else "first"
        return self.model_copy(update={"interrupted": cut_off, kept: [*getattr(self, kept)[:-1], record]})


class Heartbeat(Message):
    """Heartbeat details of every step attempt: the ledger beside the step's own checkpoint and progress."""

    ledger: AttemptLedger = Field(default_factory=AttemptLedger)
    before: int = 0
    """Attempts made within the workflow task; Temporal's numbers begin after them."""
    checkpoint: Any = None
    progress: Any = None
