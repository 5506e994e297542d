"""What the fold knows of one run so far: kept in memory by the projector and moved on event by event.

It is changed in place, so that an event costs the same in a long history as in a short one. Whoever keeps
one and fails to store what came of it drops it and folds the run again.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from perdure.contract.error import ErrorInfo
from perdure.contract.identifier import UnitId, tenant_of
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.projection.fold.failure import StepTerms
from perdure.projection.fold.row import Row
from perdure.projection.fold.unit import StepFold

_ORDER = (StepStatus.DEAD_LETTERED, StepStatus.RUNNING, StepStatus.WAITING)
"""Which step status decides the job's, first to last (contract section 4)."""


@dataclass(slots=True)
class OpenActivity:
    """An activity that was scheduled and has not closed: a round of a unit, or a part of one."""

    unit: UnitId
    round: int
    start_to_close: timedelta | None = None
    made_before: int = 0
    """Attempts of the round that earlier activities made, within the workflow task or not."""
    attempt: int | None = None
    """The attempt that ACTIVITY_TASK_STARTED names; Temporal writes that event only as the activity closes."""
    worker: str | None = None
    started_at: datetime | None = None
    last_failure: Any = None


@dataclass(frozen=True, slots=True)
class Request:
    """Who asked for it (the job's end, a pause), and why."""

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

    resubmit_of: str | None = None

    task_started_at: datetime | None = None
    """When the newest workflow task began."""
    start_at: datetime | None = None
    """When the job is to start, as its spec says."""
    start_timer: int | None = None
    """The event of the timer on which the job waits for that."""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    closed: JobStatus | None = None
    close_reason: str | None = None
    problem: str | None = None
    """Why the newest workflow task failed, until one completes."""
    cancel: Request | None = None
    pause: Request | None = None
    """Set while the job is paused."""
    resolution: Resolution | None = None
    output: Any = None
    error: ErrorInfo | None = None
    error_step: str | None = None
    note_count: int = 0

    steps: dict[str, StepFold] = field(default_factory=dict)
    step_counts: Counter[StepStatus] = field(default_factory=Counter)
    undo_counts: Counter[StepStatus] = field(default_factory=Counter)
    """Compensations, of steps and of items."""
    undoing: dict[UnitId, None] = field(default_factory=dict)
    """Compensations that run, wait or are parked, in the order they began."""
    activities: dict[int, OpenActivity] = field(default_factory=dict)
    timers: dict[int, UnitId] = field(default_factory=dict)
    """Units of open SLEEP timers by the event that started them."""
    backoffs: dict[int, tuple[UnitId, datetime]] = field(default_factory=dict)
    """Units that wait for their next attempt, each with when it is due, by the event of the timer."""
    held: list[tuple[UnitId, Row]] = field(default_factory=list)
    """Sleeps that were stopped, until it is known whether the run ends here or continues as new."""
    identities: dict[tuple[str, str], str] = field(default_factory=dict)
    """Who sent the newest signal or update, by (`signal` or `update`, name)."""
    applying: int = 0
    """The event being applied."""
    applying_at: datetime | None = None
    touched: dict[tuple[str, int], int] = field(default_factory=dict)
    """Items by step and index, with the event that changed them last; of the whole run."""
    changed: set[tuple[str, int]] = field(default_factory=set, compare=False)
    """Those of them that changed since they were last written."""

    def __post_init__(self) -> None:
        self.tenant = self.tenant or tenant_of(self.job_id)
        self.name = self.name or self.job_id.split(":", 1)[-1]

    @property
    def scheduled(self) -> bool:
        """Whether the job is to start later than it was submitted, and has not started."""
        if self.started_at is not None or self.start_at is None or self.created_at is None:
            return False
        return self.start_at > self.created_at

    @property
    def status(self) -> JobStatus:
        """The job's status as this run's history tells it; RETRYING is live and laid over it later."""
        if self.closed is not None:
            return self.closed
        if self.pause is not None:
            return JobStatus.PAUSED
        if self.started_at is None:
            return JobStatus.SCHEDULED if self.scheduled else JobStatus.QUEUED
        decisive = next((status for status in _ORDER if self.has(status)), StepStatus.RUNNING)
        if decisive is StepStatus.RUNNING and self._only_waits:
            return JobStatus.WAITING
        return JobStatus(decisive.value)

    @property
    def _only_waits(self) -> bool:
        """Whether what runs are fan-outs of which every item that has begun waits."""
        running = self.in_status(StepStatus.RUNNING)
        return bool(running) and not self.undo_counts[StepStatus.RUNNING] and all(step.only_waits for step in running)

    @property
    def ended(self) -> bool:
        """Whether the run has closed; the job may go on in another one."""
        return self.closed is not None or self.continued_to is not None

    @property
    def parked(self) -> list[StepFold]:
        """The steps that wait for a decision, in listed order."""
        return self.in_status(StepStatus.DEAD_LETTERED)

    def has(self, status: StepStatus) -> bool:
        """Whether a step or a compensation is in that status."""
        return self.step_counts[status] > 0 or self.undo_counts[status] > 0

    def in_status(self, status: StepStatus) -> list[StepFold]:
        """The steps in that status, in listed order."""
        return [step for step in self.steps.values() if step.status is status] if self.step_counts[status] else []

    def step(self, step_id: str, type_: str = "") -> StepFold:
        """The step of that id; one the spec does not have is added at the end."""
        found = self.steps.get(step_id)
        if found is None:
            terms = StepTerms(type=type_, job_type=self.type)
            found = StepFold(UnitId(step_id), position=len(self.steps), terms=terms)
            self.add(found)
        return found

    def add(self, step: StepFold) -> None:
        """Take up a step of the spec."""
        self.steps[step.unit.step] = step
        self.step_counts[step.status] += 1
