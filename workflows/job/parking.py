"""Dead letters: a step that failed for good is parked, and the job stays open for a decision (architecture 8)."""

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from perdure.contract.duration import parse_duration
from perdure.contract.error import ErrorClass
from perdure.contract.execution import JobState
from perdure.contract.journal import JournalType
from perdure.contract.name import ATTRIBUTE_STATUS, TIMER_RETENTION
from perdure.contract.state import JobStatus, Resolution, StepStatus
from workflows.job.deadline import Deadline
from workflows.job.note import NoteWriter
from workflows.job.outcome import Failed, failure
from workflows.job.state import JobRun, StepRun

_STATUS = SearchAttributeKey.for_keyword(ATTRIBUTE_STATUS)


class Parking:
    """The parked steps of a job, its search attribute and the retention timer."""

    def __init__(
        self, job: JobRun, notes: NoteWriter, on_expired: Callable[[], None], carried: JobState | None
    ) -> None:
        self.since = carried.parked_at if carried else None
        self.parks = carried.parks if carried else 0
        self.expired = False
        self._job = job
        self._notes = notes
        self._on_expired = on_expired
        self._retention = Deadline(TIMER_RETENTION, self._expire)

    @property
    def parked(self) -> list[StepRun]:
        """The steps that wait for a decision, in listed order."""
        return [step for step in self._job.steps.values() if step.status is StepStatus.DEAD_LETTERED]

    def restore(self) -> None:
        """Go on where an earlier run of the job left off."""
        if self.since is not None:
            self._watch(datetime.fromisoformat(self.since))

    def park(self, step: StepRun) -> bool:
        """Park a step; whether it is the first one, which dead-letters the job."""
        step.status = StepStatus.DEAD_LETTERED
        self._notes.add(JournalType.STEP_PARKED, step=step.id, round_=step.round, error=step.error)
        if self.since is not None:
            return False
        self._dead_letter(step)
        return True

    def state_too_large(self, step: StepRun, attempts: int) -> Failed:
        """The failure of a step whose output no longer fits in the job."""
        message = (
            f"with this step's output the job would hold more than {self._job.limits.state_bytes} bytes "
            "of spec and outputs; return less, or store it elsewhere and return a reference"
        )
        failed = failure(self._job, step, "ENGINE.STATE_TOO_LARGE", ErrorClass.PERMANENT, message)
        return Failed(failed.error, attempts)

    def release(self) -> None:
        """Called when a decision was taken: ends the dead letter if no step is parked any more."""
        if self.since is not None and not self.parked:
            self._leave()

    def stop(self) -> None:
        """Stop the retention timer: the job continues as new."""
        self._retention.stop()

    def close(self, *, expired: bool) -> None:
        """The job ends: it is no dead letter any more."""
        if expired:
            self._notes.add(
                JournalType.JOB_DISCARDED,
                reason="the dead letter's retention ended",
                resolution=Resolution.EXPIRED,
            )
        if self.since is not None:
            self._leave()

    def _leave(self) -> None:
        self.stop()
        self.since = None
        workflow.upsert_search_attributes([_STATUS.value_unset()])

    def _dead_letter(self, step: StepRun) -> None:
        now = workflow.now()
        self.since = now.isoformat()
        self.parks += 1
        expires_at = now + parse_duration(self._job.spec.dead_letter.retention)
        self._notes.add(
            JournalType.JOB_DEAD_LETTERED,
            steps=[step.id],
            expires_at=expires_at.isoformat(),
            error=step.error,
        )
        workflow.upsert_search_attributes([_STATUS.value_set(JobStatus.DEAD_LETTERED)])
        self._watch(now)

    def _watch(self, since: datetime) -> None:
        retention = parse_duration(self._job.spec.dead_letter.retention)
        self._retention.start(since + retention - workflow.now())

    def _expire(self) -> None:
        self.expired = True
        self._on_expired()
