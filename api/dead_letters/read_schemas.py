"""What the routes that read dead letters take and answer."""

from pydantic import BaseModel, Field

from api.jobs.schemas import AttemptView, JobSummary, JobView, Moment, PageView, Timestamp, View
from perdure.contract.duration import Duration
from perdure.contract.error import ErrorClass
from perdure.store.dead_letter_group import GroupState


class ParkedErrorView(View):
    """Why a unit is parked. Lists show no details."""

    code: str
    error_class: str = Field(alias="class")
    message: str
    fingerprint: str


class ParkedUnitView(View):
    """A parked step, item (`fetch.7`) or compensation (`fetch.compensate`).

    `force_required`: it may have taken effect, so a retry needs `force`. `runbook`: what to read about the error.
    """

    unit: str
    step_id: str
    step_type: str
    round: int
    parked_at: Moment
    error: ParkedErrorView
    http_status: int | None
    force_required: bool
    runbook: str | None


class DeadLetterView(View):
    """A job with something parked. `parked_at`, `parked_count`, `parked` (the first 20) are of what was asked for."""

    id: str
    job: JobSummary
    parked_at: Moment
    expires_at: Moment | None
    parked_count: int
    parked: list[ParkedUnitView]


class DeadLetterPage(View):
    """A page of jobs with something parked, the last parked first."""

    data: list[DeadLetterView]
    page: PageView


class ParkedDetailView(ParkedUnitView):
    """A parked unit with the attempts kept of it."""

    attempt_count: int
    attempts: list[AttemptView]


class LineageView(View):
    """Where the job comes from, and what it started."""

    parent_id: str | None
    resubmit_of: str | None
    children: list[str]


class DecisionOptionView(View):
    """A decision that can be taken now: its route, and the units it can be about."""

    action: str
    path: str
    units: list[str]


class DeadLetterEntryView(View):
    """One parked job with all there is to know: what is parked (the first 200 units), since when, for how long."""

    id: str
    parked_at: Moment
    expires_at: Moment | None
    retention_left_ms: int | None
    parked_count: int
    parked: list[ParkedDetailView]
    lineage: LineageView
    decisions: list[DecisionOptionView]
    job: JobView


class CountView(View):
    """How many were parked in the hour or day (UTC) that begins then."""

    at: Moment
    count: int


class JobTypeView(View):
    """A type of the jobs that failed so, with the version of its definition: `count` are parked, `resolved` no more."""

    type: str
    count: int
    resolved: int
    first_seen: Moment
    last_seen: Moment


class GroupView(View):
    """One kind of failure. `count` units in `jobs` jobs are parked with it; `message` without what varies.

    `resolved`: how many more were parked with it and are no more. `first_seen`, `last_seen`, `hours` (of the last two
    days) and `days` (of the last thirty) are of both. `job_types`: the 20 seen last.
    """

    fingerprint: str
    error: ParkedErrorView
    step_type: str
    job_types: list[JobTypeView]
    count: int
    jobs: int
    resolved: int
    first_seen: Moment
    last_seen: Moment
    hours: list[CountView]
    days: list[CountView]
    example: str
    runbook: str | None


class GroupPage(View):
    """A page of groups: the most frequent first; where the past is asked for, what was parked last."""

    data: list[GroupView]
    page: PageView


class DeadLetterFilterQuery(BaseModel):
    """What lists of dead letters are narrowed to. Several labels, and all words of `q`, must fit."""

    error_code: str | None = Field(None, max_length=200)
    error_class: ErrorClass | None = Field(None, description="Such as `TRANSIENT`.")
    fingerprint: str | None = Field(None, max_length=200)
    http_status: int | None = Field(None, ge=100, le=599, description="What the partner answered.")
    step: str | None = Field(None, max_length=63, description="Id of the parked step.")
    type: str | None = Field(None, max_length=100, description="Of the job.")
    queue: str | None = Field(None, max_length=100)
    label: list[str] = Field([], max_length=32, description="`key=value`, repeatable.")
    since: Timestamp | None = Field(None, description="Parked at or after (RFC 3339).")
    until: Timestamp | None = Field(None, description="Parked before.")
    older_than: Duration | None = Field(None, description="Parked longer than so ago, such as `2h`.")
    younger_than: Duration | None = Field(None, description="Parked within so long, such as `10m`.")
    q: str | None = Field(None, max_length=200, description="Words in the job's name, its labels, code or message.")
    cursor: str | None = Field(None, max_length=1000, description="From the `page` before.")
    limit: int = Field(50, ge=1, le=200)


class GroupQuery(DeadLetterFilterQuery):
    """What groups are narrowed to, and whether those count of which nothing is parked any more."""

    state: GroupState = Field(
        GroupState.PARKED,
        description="`RESOLVED`: nothing of it is parked any more. `ALL`: both. Those of 30 days, or from `since` on.",
    )
