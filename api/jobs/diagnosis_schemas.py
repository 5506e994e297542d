"""What the diagnosis of a job answers, field by field."""

from typing import Any

from pydantic import BaseModel, Field

from api.jobs.schemas import AttemptView, ErrorView, JournalView, LinksView, Moment, ProjectionView, View
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.security.role import Role


class DiagnosisQuery(BaseModel):
    """Query of a diagnosis."""

    events: int = Field(10, ge=0, le=100, description="Journal events before the failure, and after it, at most.")


class SeenView(View):
    """In how many jobs of the tenant failures with this fingerprint were seen.

    `capped`: there are so many that the oldest were not counted; the numbers are then the least they can be.
    """

    last_hour: int
    last_day: int
    total: int
    first_at: Moment | None
    last_at: Moment | None
    capped: bool


class TryView(View):
    """A round of attempts: who asked for it, and what came of it. The first one is the submission's.

    `attempts` counts also those that are not kept; `result` is the state it led to, `code` the last error in it.
    """

    round: int
    by: str | None
    at: Moment | None
    reason: str | None
    via: str | None
    patched: bool
    attempts: int
    duration_ms: int | None
    result: StepStatus
    code: str | None


class NextView(View):
    """A decision that the job's state allows now."""

    action: str
    request: str
    role: Role
    what: str


class DiagnosisView(View):
    """Why a job is as it is, in short. No payload is in it.

    Where nothing failed, `what` says how the job does and the fields of a failure are null. `failing` is how many
    steps, items and compensations fail; what is told is the first of them. `seen` is null while Postgres is away.
    """

    what: str
    since: Moment | None
    unit: str | None
    step_id: str | None
    step_type: str | None
    failing: int
    code: str | None
    error_class: str | None = Field(alias="class")
    fingerprint: str | None
    message: str | None
    normalised_message: str | None
    title: str | None
    remedy: str | None
    seen: SeenView | None
    tried: list[TryView]
    next: list[NextView]


class TimedAttemptView(AttemptView):
    """An attempt, how long it took, and how long the wait after it was to be."""

    duration_ms: int | None
    backoff_ms: int | None


class FailureView(View):
    """A step, an item of a fan-out (`fetch.7`) or a compensation (`fetch.compensate`) that failed or is retried."""

    unit: str
    step_id: str
    type: str
    status: StepStatus
    round: int
    since: Moment | None
    error: ErrorView | None
    normalised_message: str | None
    attempt_count: int
    attempts: list[TimedAttemptView]


class JobDiagnosisView(View):
    """A job's failures with all that surrounds them. `events` are those around the first of `failures`."""

    job_id: str
    name: str
    type: str
    tenant: str
    status: JobStatus
    status_reason: str | None
    resolution: Resolution | None
    diagnosis: DiagnosisView
    failures: list[FailureView]
    input: Any
    outputs: dict[str, Any] = Field(description="Of the steps that completed so far.")
    events: list[JournalView]
    trace_id: str | None
    links: LinksView
    projection: ProjectionView
