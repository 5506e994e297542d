"""What the routes of bulk actions take and answer, field by field."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.dead_letters.age import ParkedWhen
from api.dead_letters.schemas import GivenReason, said
from api.jobs.request import Unit
from api.jobs.schemas import Moment, PageView, Timestamp, View
from perdure.contract.bulk import BulkItemStatus, BulkStatus, BulkVerb
from perdure.contract.duration import Duration
from perdure.contract.error import ErrorClass
from perdure.contract.model import Model

MOST_IDS = 10_000
_Why = Annotated[str, StringConstraints(max_length=1_900), AfterValidator(said)]
"""The action's id is added to it, in each job's journal."""
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _refused(text: str) -> PydanticCustomError:
    return PydanticCustomError("value_error", "{error}", {"error": text})


class BulkFilter(Model):
    """Which parked units are meant: as the query of `GET /v1/dead-letters`, and never all without saying so."""

    error_code: _Text | None = None
    error_class: ErrorClass | None = None
    fingerprint: _Text | None = None
    http_status: Annotated[int, Field(ge=100, le=599)] | None = None
    step: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = None
    type: _Text | None = None
    queue: _Text | None = None
    labels: Annotated[dict[str, str], Field(min_length=1, max_length=32)] | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    older_than: Duration | None = None
    younger_than: Duration | None = None
    q: _Text | None = None

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise _refused(
                "an empty filter would mean everything: name at least one thing that the jobs have in common"
            )
        return self

    @property
    def when(self) -> ParkedWhen:
        """When what is meant was parked."""
        return ParkedWhen(self.since, self.until, self.older_than, self.younger_than)


class BulkActionRequest(Model):
    """What is decided about which jobs, and how carefully.

    A retry by filter runs the units again that the filter means, one by `ids` all that is parked. `canary`: so many
    jobs first, and the others only if none of these parks again or fails `canary_within` that time.
    """

    action: BulkVerb
    ids: (
        Annotated[list[Annotated[str, StringConstraints(max_length=255)]], Field(min_length=1, max_length=MOST_IDS)]
        | None
    ) = None
    filter: BulkFilter | None = None
    reason: _Why
    dry_run: bool = Field(False, description="Only count, and show some of the jobs.")
    rate_per_second: Annotated[float, Field(ge=0.1, le=1_000)] | None = Field(
        None, description="Jobs a second at most; without it as quick as a few at once allow."
    )
    canary: Annotated[int, Field(ge=1, le=1_000)] | None = None
    canary_within: Duration = "5m"
    step: Unit | None = Field(None, description="Of `skip`: the parked step that counts as done.")
    output: Any = Field(None, description="Of `skip`: what later steps see as its output.")
    force: bool = Field(False, description="Of `retry`: also `at_most_once` steps that may have taken effect.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.ids is None) is (self.filter is None):
            raise _refused("send either ids or a filter")
        skips = self.action is BulkVerb.SKIP
        if skips and (self.step is None or "output" not in self.model_fields_set):
            raise _refused("skip needs step and output")
        if not skips and (self.step is not None or "output" in self.model_fields_set):
            raise _refused("step and output are for skip only")
        if self.force and self.action is not BulkVerb.RETRY:
            raise _refused("force is for retry only")
        return self


class AbortRequest(Model):
    """Why no more decisions are to be sent."""

    reason: GivenReason


class BulkDryRunView(View):
    """What a bulk action would be about. Nothing was decided."""

    dry_run: bool = True
    action: BulkVerb
    total: int
    not_parked: int = Field(description="Of `ids`: of how many nothing is parked now. They will not take it.")
    sample: list[str] = Field(description="The first jobs.")


class BulkLinksView(View):
    """Where else to look: `audit` lists who started it, and perhaps stopped it."""

    self: str
    audit: str


class BulkActionView(View):
    """A bulk action. `counts` tells its jobs by what became of them, `problem` why it ended before the last one."""

    id: str
    action: BulkVerb
    status: BulkStatus
    reason: str
    requested_by: str
    tenant: str
    filter: dict[str, Any] | None
    total: int
    counts: dict[BulkItemStatus, int]
    rate_per_second: float | None
    canary: int | None
    requested_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    problem: str | None
    links: BulkLinksView


class BulkActionPage(View):
    """A page of bulk actions, newest first."""

    data: list[BulkActionView]
    page: PageView


class BulkItemView(View):
    """One job of a bulk action. `units`: what of it is meant; null: all that is parked."""

    position: int
    job_id: str
    units: list[str] | None
    status: BulkItemStatus
    code: str | None
    detail: str | None
    decided_at: Moment | None


class BulkItemPage(View):
    """A page of the jobs of a bulk action, in the order they are decided about."""

    data: list[BulkItemView]
    page: PageView


class BulkListQuery(BaseModel):
    """Query of the list."""

    cursor: str | None = Field(None, max_length=1000, description="From the `page` before.")
    limit: int = Field(50, ge=1, le=200)


class BulkItemQuery(BaseModel):
    """Query of the items. Several states are alternatives."""

    status: list[BulkItemStatus] = Field([], max_length=10)
    cursor: str | None = Field(None, max_length=500, description="From the `page` before.")
    limit: int = Field(100, ge=1, le=200)
