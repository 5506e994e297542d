"""How a job ends: the kinds, and what each means for steps that are still open."""

from dataclasses import dataclass
from enum import Enum

from perdure.contract.error import ErrorInfo
from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus, Resolution, StepStatus


class EndingKind(Enum):
    """Why the main loop stopped. The value is the job's status and why pending steps never run."""

    COMPLETED = (JobStatus.COMPLETED, "the job completed")
    FAILED = (JobStatus.FAILED, "the job failed")
    EXPIRED = (JobStatus.FAILED, "the job's dead letter expired")
    TIMED_OUT = (JobStatus.TIMED_OUT, "the job timed out")
    CANCELED = (JobStatus.CANCELED, "the job was canceled")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ends, with the error and its step where there is one."""

    kind: EndingKind
    error: ErrorInfo | None = None
    error_step: str | None = None

    @property
    def status(self) -> JobStatus:
        """The job's final status."""
        return self.kind.value[0]

    @property
    def reason(self) -> str:
        """Why steps that were pending never run."""
        return self.kind.value[1]

    @property
    def resolution(self) -> Resolution | None:
        """Set where a dead letter ended the job."""
        return Resolution.EXPIRED if self.kind is EndingKind.EXPIRED else None

    @property
    def parked_become(self) -> StepStatus:
        """The final status of steps that were parked."""
        return StepStatus.CANCELED if self.kind is EndingKind.CANCELED else StepStatus.FAILED

    @property
    def parked_note(self) -> JournalType:
        """The note that says so."""
        return JournalType.STEP_CANCELED if self.kind is EndingKind.CANCELED else JournalType.STEP_FAILED
