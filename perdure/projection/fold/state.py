"""What the fold knows of one run so far: kept in memory by the projector and moved on event by event.

It is changed in place, so that an event costs the same in a long history as in a short one. Whoever keeps
one and fails to store what came of it drops it and folds the run again.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from perdure.contract.error import ErrorInfo
from perdure.contract.identifier import tenant_of
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.projection.fold.failure import StepTerms
from perdure.projection.fold.row import Row
from perdure.projection.record import StepAttempt

_ORDER = (StepStatus.DEAD_LETTERED, StepStatus.RUNNING, StepStatus.WAITING)
"""Which step status decides the job's, first to last (contract section 4)."""


@dataclass(slots=True)
class StepFold:
    """A step so far. `tried` counts this run's attempts by round; `carried_*` those of earlier runs."""

    id: str
    position: int
    terms: StepTerms = field(default_factory=StepTerms)
    status: StepStatus = StepStatus.PENDING
    round: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    wake_at: datetime | None = None
    output: Any = None
    error: ErrorInfo | None = None
    attempts: list[StepAttempt] = field(default_factory=list)
    tried: dict[int, int] = field(default_factory=dict)
    local: dict[int, int] = field(default_factory=dict)
    """Of `tried`, what was tried within the workflow task and failed: the activity's numbers begin after it."""
    carried_attempts: int = 0
    carried_retries: int = 0

    @property
    def attempt_count(self) -> int:
        """Attempts of all rounds."""
        return self.carried_attempts + sum(self.tried.values())

    @property
    def retry_count(self) -> int:
        """Attempts beyond the first of each round."""
        return self.carried_retries + sum(max(0, tried - 1) for tried in self.tried.values())


@dataclass(slots=True)
class OpenActivity:
    """An activity that was scheduled and has not closed: one round of a step."""

    step_id: str
    round: int
    start_to_close: timedelta | None = None
    made_before: int = 0
    """Attempts of the round that were made within the workflow task."""
    attempt: int | None = None
    """The attempt that ACTIVITY_TASK_STARTED names; Temporal writes that event only as the activity closes."""
    worker: str | None = None
    started_at: datetime | None = None
    last_failure: Any = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Who asked for the job's end, and why."""

    actor: str | None
    reason: str | None


@dataclass(slots=True)
class FoldState:
    """One run of one job so far."""

    job_id: str
    run_id: str
    last_event_id: int = 0
    run_started_at: datetime | None = None
    """The first event's time; for a run that a reset made, the time of the reset."""
    created_at: datetime | None = None
    first_run_id: str | None = None
    continued_from: str | None = None
    """The run before, where this one continues it as new."""
    continued_to: str | None = None
    copied: bool = False
    """Whether the events are still those that a reset copied from its base run: no journal rows."""

    tenant: str = ""
    name: str = ""
    type: str = "INLINE"
    queue: str = "default"
    priority: int = 3
    labels: dict[str, str] = field(default_factory=dict)
    correlation_id: str | None = None
    submitted_by: str | None = None
    fingerprint: str | None = None
    trace_id: str | None = None
    traceparent: str | None = None
    parent_id: str | None = None
    input: Any = None

    task_started_at: datetime | None = None
    """When the newest workflow task began."""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    closed: JobStatus | None = None
    close_reason: str | None = None
    problem: str | None = None
    """Why the newest workflow task failed, until one completes."""
    cancel: CancelRequest | None = None
    resolution: Resolution | None = None
    output: Any = None
    error: ErrorInfo | None = None
    error_step: str | None = None
    note_count: int = 0

    steps: dict[str, StepFold] = field(default_factory=dict)
    step_counts: Counter[StepStatus] = field(default_factory=Counter)
    activities: dict[int, OpenActivity] = field(default_factory=dict)
    timers: dict[int, str] = field(default_factory=dict)
    """Steps of open SLEEP timers by the event that started them."""
    held: list[Row] = field(default_factory=list)
    """Sleeps that were stopped, until it is known whether the run ends here or continues as new."""
    identities: dict[tuple[str, str], str] = field(default_factory=dict)
    """Who sent the newest signal or update, by (`signal` or `update`, name)."""

    def __post_init__(self) -> None:
        self.tenant = self.tenant or tenant_of(self.job_id)
        self.name = self.name or self.job_id.split(":", 1)[-1]

    @property
    def status(self) -> JobStatus:
        """The job's status as this run's history tells it; RETRYING is live and laid over it later."""
        if self.closed is not None:
            return self.closed
        if self.started_at is None:
            return JobStatus.QUEUED
        decisive = next((status for status in _ORDER if self.step_counts[status]), StepStatus.RUNNING)
        return JobStatus(decisive.value)

    @property
    def ended(self) -> bool:
        """Whether the run has closed; the job may go on in another one."""
        return self.closed is not None or self.continued_to is not None

    @property
    def parked(self) -> list[StepFold]:
        """The steps that wait for a decision, in listed order."""
        return self.in_status(StepStatus.DEAD_LETTERED)

    def in_status(self, status: StepStatus) -> list[StepFold]:
        """The steps in that status, in listed order."""
        return [step for step in self.steps.values() if step.status is status] if self.step_counts[status] else []

    def step(self, step_id: str, type_: str = "") -> StepFold:
        """The step of that id; one the spec does not have is added at the end."""
        found = self.steps.get(step_id)
        if found is None:
            terms = StepTerms(type=type_, job_type=self.type)
            found = StepFold(id=step_id, position=len(self.steps), terms=terms)
            self.add(found)
        return found

    def add(self, step: StepFold) -> None:
        """Take up a step of the spec."""
        self.steps[step.id] = step
        self.step_counts[step.status] += 1

    def move(self, step: StepFold, status: StepStatus) -> None:
        """Change a step's status."""
        self.step_counts[step.status] -= 1
        self.step_counts[status] += 1
        step.status = status

    def finish(self, step: StepFold, status: StepStatus, at: datetime) -> None:
        """Change a step's status for good; what a later decision may still override is not lost by it."""
        self.move(step, status)
        step.completed_at = at
        step.wake_at = None
