"""What the projection routes take and answer, field by field."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.jobs.schemas import Moment, View
from perdure.contract.command import Reason
from perdure.contract.limit import MAX_WORKFLOW_ID
from perdure.contract.model import Model
from perdure.store.operation import OperationKind, OperationStatus

_JobId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_WORKFLOW_ID)]


class ProjectionRequest(Model):
    """Which jobs to hold against their histories: those named, or all that Temporal holds."""

    reason: Reason | None = None
    job_ids: Annotated[list[_JobId], Field(min_length=1, max_length=1_000)] | None = None


class FindingView(View):
    """Something that is not as the histories have it.

    `kind` is MISSING or BEHIND (a job, or with `table` a row), DIFFERENT (in `columns`) or EXTRA (a row),
    UNREADABLE (a history that cannot be folded; `problem` says why), or UNKNOWN (open here, and not in Temporal).
    """

    kind: str
    job_id: str
    table: str | None = None
    row: str | None = Field(None, description="The parts of its key, joined by `/`.")
    columns: list[str] = Field(default_factory=list)
    problem: str | None = None


class CountsView(View):
    """How many jobs. `moving` went on all the while and were left to the projector.

    `unknown` are open in the tables and not in Temporal; a rebuild leaves them as they are.
    """

    jobs: int
    runs: int
    drifted: int
    mended: int
    moving: int
    unreadable: int
    unknown: int


class OperationView(View):
    """A check or a rebuild. Equal digests mean equal rows, of the same jobs in the same state."""

    id: str
    kind: OperationKind
    status: OperationStatus
    tenant: str | None = Field(description="Whose jobs; null: every tenant's.")
    requested_by: str
    reason: str | None
    requested_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    counts: CountsView
    rows: dict[str, int] = Field(description="Rows that were wrong, by table.")
    findings: list[FindingView] = Field(description="The first hundred.")
    digest: str | None = Field(description="Of all rows compared, as they are now; null until it is finished.")
    problem: str | None = Field(description="Why it failed.")


class SetAsideView(View):
    """A job that cannot be projected and is tried again from time to time. The others go on."""

    job_id: str
    since: Moment
    last_at: Moment
    failures: int
    problem: str


class DifferenceView(View):
    """How many more jobs there are (below 0: fewer) than elsewhere."""

    type: str
    outcome: str
    jobs: int


class ReconciliationView(View):
    """The last hour of which the counts were compared; `missing` and `extra` are those no reset explains."""

    hour: Moment
    compared_at: Moment
    missing: int = Field(description="Runs that closed in Temporal and not in the tables.")
    extra: int = Field(description="Jobs that ended in the tables and not in Temporal.")
    differences: list[DifferenceView] = Field(description="What Temporal has more than the tables.")
    miscounted: list[DifferenceView] = Field(
        description="What the workers' counters, those in `/metrics`, have more than Temporal and the tables."
    )
    vanished: int = Field(description="Workers that were killed and took counts with them: fewer are then no fault.")


class ProjectionState(View):
    """How the tables stand to the histories."""

    complete_until: Moment | None = Field(description="All that started or closed before is known to be projected.")
    set_aside: list[SetAsideView]
    operations: list[OperationView] = Field(description="The newest twenty, newest first.")
    reconciliation: ReconciliationView | None = Field(
        description="Over all tenants, so for a key of `*` only; null before the first hour."
    )
