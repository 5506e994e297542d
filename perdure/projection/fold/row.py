"""A journal row as the handlers of the fold make it, and its final form with the run and the place in it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from perdure.contract.journal import JournalType
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus


@dataclass(frozen=True, slots=True)
class Row:
    """What happened. `status` is that of the step, or of the job where no step is named, after it.

    Where it is null it is the job's once the whole event has been applied.
    """

    type: JournalType
    at: datetime
    actor: str | None = None
    step_id: str | None = None
    attempt: int | None = None
    status: StepStatus | JobStatus | None = None
    outcome: AttemptOutcome | None = None
    data: dict[str, Any] = field(default_factory=dict)
    event_id: int | None = None
    """The event the row cites, where it is not the one being applied."""
