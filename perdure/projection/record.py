"""What the fold yields, the store keeps and the API shows: jobs, steps, attempts and journal rows as data."""

from datetime import datetime
from typing import Any

from pydantic import Field

from perdure.contract.error import ErrorInfo
from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptRecord
from perdure.contract.model import Model
from perdure.contract.state import AttemptOutcome, JobStatus, Resolution, StepStatus


class StepAttempt(AttemptRecord):
    """One attempt in one round of a step. `live`: observed while the step ran, not read from history."""

    round: int = 1
    live: bool = False


class StepRecord(Model):
    """A step of a job. `position` is its place in the spec, from 0."""

    id: str
    type: str
    position: int
    status: StepStatus = StepStatus.PENDING
    round: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: Any = None
    error: ErrorInfo | None = None
    attempt_count: int = 0
    """Attempts of all rounds; more than `attempts` holds once the ledger dropped some."""
    attempts: list[StepAttempt] = Field(default_factory=list)


class JobRecord(Model):
    """A job as its history tells it. `run_id`, `run_started_at`, `last_event_id` say up to where."""

    id: str
    tenant: str
    name: str
    type: str
    status: JobStatus
    status_reason: str | None = None
    resolution: Resolution | None = None
    queue: str
    priority: int
    labels: dict[str, str] = Field(default_factory=dict)
    correlation_id: str | None = None
    submitted_by: str | None = None
    spec_fingerprint: str | None = None
    parent_id: str | None = None
    resubmit_of: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    queue_wait_ms: int | None = None
    execution_ms: int | None = None
    attempts: int = 0
    retry_count: int = 0
    trace_id: str | None = None
    traceparent: str | None = None
    """What the job was submitted with, for spans; not stored."""
    input: Any = None
    output: Any = None
    error: ErrorInfo | None = None
    error_step: str | None = None
    steps: list[StepRecord] = Field(default_factory=list)
    run_id: str
    run_started_at: datetime
    last_event_id: int
    note_count: int = 0


class JournalEvent(Model):
    """One journal row; unique on (run_id, event_id, ordinal).

    `seq` is given when rows are read, in the order (run_started_at, run_id, event_id, ordinal).
    """

    job_id: str
    parent_job_id: str | None = None
    run_id: str
    run_started_at: datetime
    event_id: int
    ordinal: int
    type: JournalType
    at: datetime
    actor: str | None = None
    step_id: str | None = None
    attempt: int | None = None
    status: str | None = None
    """State of the step (or of the job, where no step is named) after the event."""
    outcome: AttemptOutcome | None = None
    trace_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """What makes the row the only one of its kind, as text."""
        return f"{self.run_id}/{self.event_id}/{self.ordinal}"


class LiveObservation(Model):
    """What `describe` said of an open step: attempts the history does not hold yet."""

    job_id: str
    run_id: str
    step_id: str
    round: int
    observed_at: datetime
    attempt: int
    """Number of the attempt running or due next."""
    attempts: list[AttemptRecord] = Field(default_factory=list)
    error: ErrorInfo | None = None
    next_retry_at: datetime | None = None
    progress: Any = None
