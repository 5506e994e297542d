"""What the `Job` workflow starts with, carries over continue-as-new, and ends with."""

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

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

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A job carries up to 10,000 of these, most of them nearly empty.
        return {name: value for name, value in dump(self).items() if value != _UNIT_DEFAULTS.get(name)}


_UNIT_DEFAULTS: dict[str, Any] = {"status": "PENDING", "round": 1, "generation": 1, "attempts": 0}


class StepState(UnitState):
    """A step: itself, the items of its fan-out once it has begun, and compensations by unit id once begun."""

    items: list[UnitState] | None = None
    compensations: dict[str, UnitState] | None = None
    decisions: list[dict[str, Any]] | None = None
    """What people said so far, where the step is an APPROVAL: `{actor, decision, reason, at}`."""


class EndingState(Message):
    """How a job is ending, while its compensations run."""

    kind: str
    error: ErrorInfo | None = None
    error_step: str | None = None


class DeliveryState(Message):
    """A delivery that came before its `WAIT` step began to wait."""

    name: str
    payload: Any = None
    actor: str | None = None
    reason: str | None = None
    via: str


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
    completed: list[str] = Field(default_factory=list)
    """Unit ids that have a compensation, in the order of their completion."""
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


class JobResult(Message):
    """How a job ended; the workflow's result, or the details of its failure."""

    status: JobStatus
    output: Any = None
    error: ErrorInfo | None = None
    error_step: str | None = None
    resolution: Resolution | None = None
