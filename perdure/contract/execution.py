"""What the `Job` workflow starts with, carries over continue-as-new, and ends with."""

from typing import Any

from pydantic import Field

from perdure.contract.error import ErrorInfo
from perdure.contract.limit import JobLimits
from perdure.contract.model import Message
from perdure.contract.spec import JobSpec
from perdure.contract.state import JobStatus, Resolution, StepStatus


class StepState(Message):
    """Where a step stands. Times are RFC 3339 strings, from the workflow's clock."""

    status: StepStatus = StepStatus.PENDING
    round: int = 1
    output: Any = None
    error: ErrorInfo | None = None
    started_at: str | None = None
    completed_at: str | None = None
    attempts: int = 0
    """Attempts of all rounds."""
    wake_at: str | None = None
    """When a sleeping step wakes; survives continue-as-new."""


class JobState(Message):
    """What the next run of a job takes over from the one before."""

    steps: dict[str, StepState]
    notes: int = 0
    """How many notes the job has written."""
    submitted_at: str | None = None
    """When the first run was started."""
    started_at: str
    parked_at: str | None = None
    """When the job was dead-lettered, if it is now."""
    parks: int = 0
    """How often the job was dead-lettered."""
    used_ms: int = 0
    """Running time used up; parked time does not count."""


class JobStart(Message):
    """Input of the `Job` workflow. `carried` is set in every run after the first."""

    spec: JobSpec
    tenant: str
    limits: JobLimits = Field(default_factory=JobLimits)
    carried: JobState | None = None


class JobResult(Message):
    """How a job ended; the workflow's result, or the details of its failure."""

    status: JobStatus
    output: Any = None
    error: ErrorInfo | None = None
    error_step: str | None = None
    resolution: Resolution | None = None
