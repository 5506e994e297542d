"""What the routes of retrying jobs take and answer."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.dead_letters.read_schemas import ParkedErrorView
from api.dead_letters.schemas import GivenReason
from api.jobs.request import DecisionRequest, Unit
from api.jobs.schemas import JobSummary, Moment, PageView, View
from perdure.contract.limit import MAX_ITEMS

Units = Annotated[list[Unit], Field(min_length=1, max_length=MAX_ITEMS)]


class RetryNowRequest(DecisionRequest):
    """Why it is not to wait; `steps`: which of what is being retried (all, where none is named)."""

    reason: GivenReason
    steps: Units | None = None


class GiveUpRequest(DecisionRequest):
    """Why it is not attempted again; `steps`: which of what is being retried."""

    reason: GivenReason
    steps: Units


class RetryingUnitView(View):
    """A step, item or compensation that failed and will be attempted again.

    `attempt` is the one that runs or comes next; `next_retry_at` is null while one runs, and while it is `paused`.
    """

    unit: str
    round: int
    attempt: int
    next_retry_at: Moment | None
    paused: bool
    error: ParkedErrorView
    runbook: str | None
    observed_at: Moment


class RetryingView(View):
    """A job that fails but lives."""

    id: str
    job: JobSummary
    retrying: list[RetryingUnitView]


class RetryingPage(View):
    """A page of jobs that are being retried, the newest job first."""

    data: list[RetryingView]
    page: PageView


class RetryingQuery(BaseModel):
    """What the list is narrowed to."""

    error_code: str | None = Field(None, max_length=200)
    fingerprint: str | None = Field(None, max_length=200)
    type: str | None = Field(None, max_length=100, description="Of the job.")
    queue: str | None = Field(None, max_length=100)
    label: list[str] = Field([], max_length=32, description="`key=value`, repeatable.")
    q: str | None = Field(None, max_length=200, description="Words in the job's name, its labels or the error.")
    cursor: str | None = Field(None, max_length=1000, description="From the `page` before.")
    limit: int = Field(50, ge=1, le=200)
