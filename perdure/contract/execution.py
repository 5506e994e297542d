"""What the `Job` workflow starts with, carries over continue-as-new, and ends with."""

from typing import Any

from pydantic import Field

from perdure.contract.error import ErrorInfo
from perdure.contract.limit import JobLimits
from perdure.contract.model import Message
from perdure.contract.spec import JobSpec
from perdure.contract.state import JobStatus, Resolution, StepStatus


class UnitState(Message):
    """Where a step, an item or a compensation stands. Times are RFC 3339 strings, from the workflow's clock."""

    status: StepStatus = StepStatus.PENDING
    round: int = 1
    generation: int = 1
    """Counts up where a patch or a `from_step` asks for a new thing; part of the idempotency key."""
    output: Any = None
    error: ErrorInfo | None = None
    started_at: str | None = None
    completed_at: str | None = None
    attempts: int = 0
    """Attempts of all rounds."""
    wake_at: str | None = None
    """When a sleeping step wakes, or a waiting one gives up; survives continue-as-new."""
    patch: dict[str, Any] | None = None
    """Fields of `with` that a retry replaced."""
    waits_for: str | None = None
    """The name that an open WAIT waits for, where the spec has it only as an expression."""


class FanOutState(Message):
    """The items of a fan-out, by column: a job carries up to 10,000 of them.

    `status` has one letter an item (`ITEM_LETTERS`), `outputs` one entry. The rest is sparse, by index as a string.
    Times and attempts of items are not carried: the rows that an earlier run wrote stay as they are.
    """

    status: str
    outputs: list[Any]
    rounds: dict[str, int] = Field(default_factory=dict)
    """Where it is not 1, like the next two."""
    generations: dict[str, int] = Field(default_factory=dict)
    attempts: dict[str, int] = Field(default_factory=dict)
    errors: dict[str, str] = Field(default_factory=dict)
    """Keys of `JobState.errors`."""
    wake_at: dict[str, str] = Field(default_factory=dict)
    patches: dict[str, dict[str, Any]] = Field(default_factory=dict)
    decisions: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    waits_for: dict[str, str] = Field(default_factory=dict)


ITEM_LETTERS: dict[StepStatus, str] = {
    StepStatus.PENDING: "p",
    StepStatus.WAITING: "w",
    StepStatus.DEAD_LETTERED: "d",
    StepStatus.COMPLETED: "c",
    StepStatus.FAILED: "f",
    StepStatus.SKIPPED: "s",
    StepStatus.CANCELED: "x",
    StepStatus.COMPENSATED: "u",
}
"""An item is in one of these when its job continues as new."""


class StepState(UnitState):
    """A step: itself, the items of its fan-out once it has begun, and compensations by unit id once begun.

    The output of a fan-out is that of its items.
    """

    items: FanOutState | None = None
    compensations: dict[str, UnitState] | None = None
    decisions: list[dict[str, Any]] | None = None
    """What people said so far, where the step is an APPROVAL: `{actor, decision, reason, at}`."""


class Canceler(Message):
    """Who canceled a job, where the workflow was told so, and why."""

    actor: str | None = None
    reason: str | None = None


class EndingState(Message):
    """How a job is ending, while its compensations run."""

    kind: str
    error: ErrorInfo | None = None
    error_step: str | None = None
    canceled_by: Canceler | None = None


class DeliveryState(Message):
    """A delivery that came before its `WAIT` step began to wait."""

    name: str
    payload: Any = None
    actor: str | None = None
    reason: str | None = None
    via: str


class PauseState(Message):
    """Who paused a job, where the command said so, and why."""

    actor: str | None = None
    reason: str | None = None


class JobState(Message):
    """What the next run of a job takes over from the one before."""

    steps: dict[str, StepState]
    notes: int = 0
    """How many notes the job has written."""
    submitted_at: str | None = None
    """When the first run was started."""
    started_at: str | None = None
    """When the job's work began; null while it waits for `start_at`."""
    parked_at: str | None = None
    """When the job was dead-lettered, if it is now."""
    parks: int = 0
    """How often the job was dead-lettered."""
    used_ms: int = 0
    """Running time used up; parked and paused time does not count."""
    paused: bool = False
    paused_by: PauseState | None = None
    completed: list[str] = Field(default_factory=list)
    """Unit ids that have a compensation, in the order of their completion."""
    errors: dict[str, ErrorInfo] = Field(default_factory=dict)
    """Errors of items by fingerprint: thousands of items fail alike."""
    deliveries: list[DeliveryState] = Field(default_factory=list)
    ending: EndingState | None = None


class JobStart(Message):
    """Input of the `Job` workflow. `carried` is set in every run after the first."""

    spec: JobSpec
    tenant: str
    limits: JobLimits = Field(default_factory=JobLimits)
    carried: JobState | None = None
    resubmit_of: str | None = None
    """The job this one does again."""
    kept: dict[str, Any] = Field(default_factory=dict)
    """Outputs by step id that a resubmission takes over: those steps are COMPLETED from the start."""
    local_batches: bool = False
    """Whether whoever started the job knows that its workers make local tries in batches (decision 0025)."""


class JobResult(Message):
    """How a job ended; the workflow's result, or the details of its failure."""

    status: JobStatus
    output: Any = None
    error: ErrorInfo | None = None
    error_step: str | None = None
    resolution: Resolution | None = None
