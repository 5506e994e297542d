"""What the API answers, as far as a client cares; fields a later server adds are ignored.

States are plain strings: a state this version does not know is shown, not refused.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from perdure.client.error import ProblemItem
from perdure.contract.state import FINAL_JOB_STATUSES, JobStatus


class View(BaseModel):
    """Base of the answers: frozen, and unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Error(View):
    """One failure. `step_id` is set where a job's error is a step's; lists show no `details`."""

    code: str
    error_class: str = Field("", alias="class")
    message: str = ""
    fingerprint: str | None = None
    step_id: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class Usage(View):
    """What an attempt took in a process of its own."""

    cpu_ms: int
    peak_memory_bytes: int


class Attempt(View):
    """One try at a step. `live`: seen while the step ran, not yet in the history."""

    attempt: int
    round: int = 1
    worker: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    error: Error | None = None
    next_retry_at: datetime | None = None
    usage: Usage | None = None
    live: bool = False


class ItemCounts(View):
    """The items of a fan-out by state."""

    total: int = 0
    counts: dict[str, int] = Field(default_factory=dict)


class Compensation(View):
    """What undoes a step; of a fan-out, what undoes its items."""

    status: str
    round: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: Error | None = None
    attempt_count: int = 0
    attempts: list[Attempt] = Field(default_factory=list)


class WaitingFor(View):
    """What would end an open `WAIT` or `APPROVAL`."""

    kind: str
    name: str | None = None
    expires_at: datetime | None = None
    message: str | None = None
    required_approvals: int | None = None
    approvals: int | None = None
    roles: list[str] = Field(default_factory=list)


class Approval(View):
    """What somebody said to an `APPROVAL`."""

    actor: str | None = None
    decision: str
    reason: str | None = None
    at: datetime | None = None


class Step(View):
    """One step of a job, with the attempts kept of it. `paused`: Temporal holds its attempts back."""

    id: str
    type: str
    status: str
    round: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: Any = None
    error: Error | None = None
    attempt_count: int = 0
    attempts: list[Attempt] = Field(default_factory=list)
    paused: bool = False
    items: ItemCounts | None = None
    compensation: Compensation | None = None
    waiting_for: WaitingFor | None = None
    decisions: list[Approval] = Field(default_factory=list)


class Child(View):
    """A job that a job started: by a `JOB` step, or as a dependent."""

    id: str
    name: str = ""
    status: str


class Projection(View):
    """Up to which event of the run's history a view is right, and how late that was known."""

    event_id: int = 0
    lag_ms: int | None = None


class Job(View):
    """A job. In lists `steps`, `children`, `input` and `output` are left out."""

    id: str
    name: str
    type: str = "INLINE"
    tenant: str = ""
    status: str
    status_reason: str | None = None
    resolution: str | None = None
    queue: str = "default"
    priority: int = 3
    labels: dict[str, str] = Field(default_factory=dict)
    correlation_id: str | None = None
    submitted_by: str | None = None
    parent_id: str | None = None
    resubmit_of: str | None = None
    created_at: datetime | None = None
    start_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    queue_wait_ms: int | None = None
    execution_ms: int | None = None
    attempts: int = 0
    retry_count: int = 0
    trace_id: str | None = None
    run_id: str | None = None
    input: Any = None
    output: Any = None
    error: Error | None = None
    steps: list[Step] = Field(default_factory=list)
    children: list[Child] = Field(default_factory=list)
    links: dict[str, str | None] = Field(default_factory=dict)
    projection: Projection = Projection()

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self.status in FINAL_JOB_STATUSES

    @property
    def completed(self) -> bool:
        """Whether the job ended as it should."""
        return self.status == JobStatus.COMPLETED

    @property
    def parked(self) -> bool:
        """Whether the job waits for somebody's decision on a step that failed for good."""
        return self.status == JobStatus.DEAD_LETTERED

    def older_than(self, other: "Job") -> bool:
        """Whether this view shows less of the same run than `other` does."""
        return self.run_id == other.run_id and self.projection.event_id < other.projection.event_id


class Page(View):
    """Where the next page of a list begins."""

    cursor: str | None = None
    has_more: bool = False


class JobPage(View):
    """One page of jobs, newest first."""

    data: list[Job]
    page: Page = Page()


class JournalEntry(View):
    """One thing that happened to a job, citing the Temporal event it was read from."""

    seq: int
    type: str
    at: datetime
    actor: str | None = None
    step_id: str | None = None
    attempt: int | None = None
    status: str | None = None
    outcome: str | None = None
    run_id: str | None = None
    event_id: int | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class JournalPage(View):
    """One page of a job's journal, oldest first."""

    data: list[JournalEntry]
    page: Page = Page()


class Submission(View):
    """The job a submission led to. `replayed`: it was there already, under the same key and spec."""

    job: Job
    replayed: bool = False


class BatchProblem(View):
    """Why one spec of a batch was refused; the places in `errors` begin with its own (`$.jobs[3]`)."""

    code: str
    detail: str = ""
    retryable: bool = False
    errors: list[ProblemItem] = Field(default_factory=list)


class BatchItem(View):
    """What became of one spec: the status that it would have been answered with alone, and the job or the problem."""

    index: int
    status: int
    job: Job | None = None
    error: BatchProblem | None = None


class Batch(View):
    """What became of each spec of a batch, in the order sent."""

    data: list[BatchItem]
    accepted: int
    replayed: int
    refused: int


class DryRun(View):
    """A spec that would be accepted: as it would run, every default filled in. Nothing was started."""

    spec: dict[str, Any]
    fingerprint: str = ""


class Decision(View):
    """An accepted decision (retry, cancel): the job as it is now, and the steps it concerns."""

    job: Job
    steps: list[str] = Field(default_factory=list)
