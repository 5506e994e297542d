"""What the job routes answer (contract 9), field by field."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from perdure.contract.journal import JournalType
from perdure.contract.state import AttemptOutcome, JobStatus, Resolution, StepStatus
from perdure.contract.timestamp import parse_timestamp


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str)]
"""RFC 3339 in UTC with milliseconds and `Z`."""
Timestamp = Annotated[datetime, BeforeValidator(parse_timestamp)]


class View(BaseModel):
    """Base of the answers."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class ErrorView(View):
    """One failure."""

    code: str
    error_class: str = Field(alias="class")
    message: str
    fingerprint: str | None
    details: dict[str, Any]


class JobErrorView(ErrorView):
    """Why a job failed or is parked; `step_id` where it is a step's error."""

    step_id: str | None


class UsageView(View):
    """What an attempt took in a process of its own: CPU time, and the most memory that was resident."""

    cpu_ms: int
    peak_memory_bytes: int


class AttemptView(View):
    """One try at a step. `live`: seen while it ran, not yet in the history."""

    attempt: int
    round: int
    worker: str | None
    started_at: Moment | None
    ended_at: Moment | None
    outcome: AttemptOutcome | None
    error: ErrorView | None
    next_retry_at: Moment | None
    usage: UsageView | None = Field(description="null where it shared its worker's process with others")
    live: bool


class ItemCountsView(View):
    """The items of a fan-out by state; the items themselves are a list of their own."""

    total: int
    counts: dict[StepStatus, int]


class CompensationView(View):
    """What undoes a step or an item: COMPLETED once it has. Of a fan-out: of all its items, which list the attempts."""

    status: StepStatus
    round: int
    started_at: Moment | None
    completed_at: Moment | None
    error: ErrorView | None
    attempt_count: int
    attempts: list[AttemptView]


class WaitingForView(View):
    """What would end an open wait: `deliver` with this `name` (WAIT), or so many `approve` (APPROVAL)."""

    kind: str
    name: str | None
    expires_at: Moment | None
    message: str | None
    required_approvals: int | None
    approvals: int | None
    roles: list[str]


class ApprovalView(View):
    """What somebody said to an APPROVAL step."""

    actor: str | None
    decision: str
    reason: str | None
    at: Moment


class UnitView(View):
    """A step or an item. `attempts` are those kept (the first 3 and the last 20 of a round), `attempt_count` all.

    `paused`: Temporal holds its attempts back.
    """

    status: StepStatus
    round: int
    started_at: Moment | None
    completed_at: Moment | None
    output: Any
    error: ErrorView | None
    attempt_count: int
    attempts: list[AttemptView]
    paused: bool
    compensation: CompensationView | None
    waiting_for: WaitingForView | None
    decisions: list[ApprovalView]


class StepView(UnitView):
    """One step. The attempts of a fan-out's items are counted here and listed there."""

    id: str
    type: str
    items: ItemCountsView | None


class ItemView(UnitView):
    """One item of a fan-out, from 0; its place in the step's output."""

    index: int


class LinksView(View):
    """Where else to look."""

    self: str
    temporal_ui: str | None
    trace: str | None


class ProjectionView(View):
    """Up to which event of the history this is right, and how late it was known."""

    event_id: int
    lag_ms: int | None


class JobSummary(View):
    """A job as in lists."""

    id: str
    name: str
    type: str
    tenant: str
    status: JobStatus
    status_reason: str | None
    resolution: Resolution | None
    queue: str
    priority: int
    labels: dict[str, str]
    correlation_id: str | None
    submitted_by: str | None
    parent_id: str | None
    resubmit_of: str | None
    created_at: Moment
    start_at: Moment | None
    started_at: Moment | None
    completed_at: Moment | None
    queue_wait_ms: int | None
    execution_ms: int | None
    attempts: int
    retry_count: int
    trace_id: str | None
    run_id: str
    error: JobErrorView | None
    links: LinksView
    projection: ProjectionView


class ChildView(View):
    """A child job. One that could not be started has no status, and there is no such job."""

    id: str
    name: str
    status: JobStatus | None
    problem: str | None = Field(description="Why it could not be started.")


class JobView(JobSummary):
    """A job, whole."""

    input: Any
    output: Any
    steps: list[StepView]
    children: list[ChildView]


class PageView(View):
    """`cursor` leads to the next page; null on the last one."""

    cursor: str | None
    has_more: bool


class JobPage(View):
    """A page of jobs, in the order asked for."""

    data: list[JobSummary]
    page: PageView


class ItemPage(View):
    """A page of the items of a step, in order."""

    data: list[ItemView]
    page: PageView


class JournalView(View):
    """One thing that happened, and the Temporal event it was read from."""

    seq: int
    type: JournalType
    at: Moment
    job_id: str
    parent_job_id: str | None
    run_id: str
    event_id: int
    actor: str | None
    step_id: str | None
    attempt: int | None
    status: str | None
    outcome: AttemptOutcome | None
    trace_id: str | None
    data: dict[str, Any]


class JournalPage(View):
    """A page of a job's journal, oldest first. `projection` is null while the job has no row yet."""

    data: list[JournalView]
    projection: ProjectionView | None
    page: PageView


class DryRunView(View):
    """What an admitted spec would run as: every default filled in. Nothing was started."""

    admitted: Literal[True] = True
    fingerprint: str
    spec: dict[str, Any] = Field(description="The effective job spec.")


class DecisionView(View):
    """An accepted decision: the job as it is now, and the steps it concerns."""

    job_id: str
    steps: list[str]
    job: JobView
