"""How a job ends: the kinds, and what each means for steps that are still open."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from perdure.contract.error import ErrorInfo
from perdure.contract.execution import Canceler, EndingState
from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus, Resolution, StepStatus


class EndingKind(Enum):
    """Why the main loop stopped. The value is the job's status and why pending steps never run."""

    COMPLETED = (JobStatus.COMPLETED, "the job completed")
    COMPLETED_WITH_ERRORS = (JobStatus.COMPLETED_WITH_ERRORS, "the job completed with errors")
    FAILED = (JobStatus.FAILED, "the job failed")
    DISCARDED = (JobStatus.FAILED, "the job was discarded")
    EXPIRED = (JobStatus.FAILED, "the job's dead letter expired")
    TIMED_OUT = (JobStatus.TIMED_OUT, "the job timed out")
    CANCELED = (JobStatus.CANCELED, "the job was canceled")


_COMPLETED = frozenset({EndingKind.COMPLETED, EndingKind.COMPLETED_WITH_ERRORS})
_RESOLUTIONS = {EndingKind.EXPIRED: Resolution.EXPIRED, EndingKind.DISCARDED: Resolution.DISMISSED}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ends, with its output, or the error and its step where there is one."""

    kind: EndingKind
    error: ErrorInfo | None = None
    error_step: str | None = None
    output: Any = None
    canceled_by: Canceler | None = None

    @property
    def completed(self) -> bool:
        """Whether the job did what it was for."""
        return self.kind in _COMPLETED

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
        return _RESOLUTIONS.get(self.kind)

    @property
    def parked_become(self) -> StepStatus:
        """The final status of units that were parked."""
        return StepStatus.CANCELED if self.kind is EndingKind.CANCELED else StepStatus.FAILED

    @property
    def parked_note(self) -> JournalType:
        """The note that says so."""
        return JournalType.STEP_CANCELED if self.kind is EndingKind.CANCELED else JournalType.STEP_FAILED

    def carry(self) -> EndingState:
        """For the next run of the job, which goes on compensating."""
        return EndingState(
            kind=self.kind.name, error=self.error, error_step=self.error_step, canceled_by=self.canceled_by
        )

    @classmethod
    def restore(cls, carried: EndingState | None) -> "Ending | None":
        """The reverse of `carry`."""
        if carried is None:
            return None
        return cls(EndingKind[carried.kind], carried.error, carried.error_step, canceled_by=carried.canceled_by)
