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


class ItemCounts(Model):
    """The items of a fan-out by status; those of which nothing was heard yet are PENDING."""

    total: int
    counts: dict[StepStatus, int]


class WaitingFor(Model):
    """What an open `WAIT` or `APPROVAL` waits for: a delivery called `name`, or decisions of that many people."""

    kind: str
    name: str | None = None
    expires_at: datetime | None = None
    message: str | None = None
    required_approvals: int | None = None
    approvals: int | None = None
    """Approvals given so far."""
    roles: list[str] = Field(default_factory=list)


class Decision(Model):
    """What somebody said to an `APPROVAL`."""

    actor: str | None = None
    decision: str
    reason: str | None = None
    at: datetime


class UnitRecord(Model):
    """What a step, an item and a compensation have in common."""

    status: StepStatus = StepStatus.PENDING
    round: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: ErrorInfo | None = None
    attempt_count: int = 0
    """Attempts of all rounds; more than `attempts` holds once the ledger dropped some."""
    attempts: list[StepAttempt] = Field(default_factory=list)
    paused: bool = False
    """Whether Temporal holds its attempts back; seen live."""


class Compensation(UnitRecord):
    """The compensation of a step or an item: COMPLETED once that is undone. Of a fan-out: of all its items."""


class StepRecord(UnitRecord):
    """A step of a job. `position` is its place in the spec, from 0."""

    id: str
    type: str
    position: int
    output: Any = None
    items: ItemCounts | None = None
    """Where the step is a fan-out that has begun; its attempts are counted with the step's."""
    running_items: dict[int, int] = Field(default_factory=dict)
    """Items that run, with their rounds."""
    compensation: Compensation | None = None
    waiting_for: WaitingFor | None = None
    decisions: list[Decision] = Field(default_factory=list)


class ItemRecord(UnitRecord):
    """An item of a fan-out. `event_id`: the event of the run that changed it last."""

    step_id: str
    index: int
    output: Any = None
    compensation: Compensation | None = None
    waiting_for: WaitingFor | None = None
    decisions: list[Decision] = Field(default_factory=list)
    event_id: int


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
    start_at: datetime | None = None
    """When the job is to start, where its spec says so."""
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

    @property
    def observable(self) -> list[str]:
        """The units of which something may be seen live: steps, what runs of their items, their compensations."""
        own = [step.id for step in self.steps]
        undo = [f"{step.id}.compensate" for step in self.steps if step.compensation is not None]
        return own + undo + [f"{step.id}.{index}" for step in self.steps for index in step.running_items]


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
    """What `describe` said of an open unit: attempts the history does not hold yet."""

    job_id: str
    run_id: str
    step_id: str
    """The unit: a step's id, an item's (`fetch.7`), a compensation's (`fetch.compensate`)."""
    round: int
    observed_at: datetime
    attempt: int
    """Number of the attempt running or due next."""
    attempts: list[AttemptRecord] = Field(default_factory=list)
    error: ErrorInfo | None = None
    next_retry_at: datetime | None = None
    progress: Any = None
    before: int = 0
    """Attempts of the round that earlier activities of it made; history has those."""
    paused: bool = False
    """Whether Temporal holds the next attempt back."""
