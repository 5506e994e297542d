"""Dead letters: a unit that failed for good is parked, and the job stays open for a decision (architecture 8)."""

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

from perdure.contract.duration import parse_duration
from perdure.contract.execution import JobState
from perdure.contract.journal import JournalType
from perdure.contract.name import TIMER_RETENTION
from perdure.contract.state import Resolution, StepStatus
from workflows.job.deadline import Deadline
from workflows.job.state import JobRun
from workflows.job.status_attribute import Need
from workflows.job.unit import Unit

_PARKED = StepStatus.DEAD_LETTERED


class Parking:
    """The parked units of a job, its search attribute and the retention timer."""

    def __init__(self, job: JobRun, on_expired: Callable[[], None], carried: JobState | None) -> None:
        self.since = carried.parked_at if carried else None
        self.parks = carried.parks if carried else 0
        self.expired = False
        self._job = job
        self._on_expired = on_expired
        self._units: dict[str, Unit] = {}
        self._retention = Deadline(TIMER_RETENTION, self._expire)
        if self.since is not None:
            job.attribute.restore(Need.DEAD_LETTERED)
            self._find()

    @property
    def parked(self) -> list[Unit]:
        """The units that wait for a decision, in listed order."""
        return sorted(self._units.values(), key=self._job.order)

    @property
    def first(self) -> Unit | None:
        """The first of them."""
        return min(self._units.values(), key=self._job.order, default=None)

    @property
    def any(self) -> bool:
        """Whether one is parked."""
        return bool(self._units)

    def _find(self) -> None:
        for step in self._job.steps.values():
            items = step.fan_out.items if step.fan_out else []
            parked = [unit for unit in (*items, *step.compensations.values()) if unit.status is _PARKED]
            # A step shows that items of it are parked; it is so itself where none of them is.
            if step.status is _PARKED and not any(item.status is _PARKED for item in items):
                parked.append(step)
            self._units |= {unit.name: unit for unit in parked}

    def watch(self) -> None:
        """Go on waiting where an earlier run of the job left off."""
        if self.since is not None:
            self._watch(datetime.fromisoformat(self.since))

    def park(self, unit: Unit) -> bool:
        """Park a unit; whether it is the first one, which dead-letters the job."""
        unit.status = StepStatus.DEAD_LETTERED
        self._units[unit.name] = unit
        self._job.notes.add(JournalType.STEP_PARKED, step=unit.name, round_=unit.round, error=unit.error)
        if self.since is not None:
            return False
        self._dead_letter(unit)
        return True

    def release(self, unit: Unit) -> None:
        """A decision about the unit was taken."""
        self._units.pop(unit.name, None)

    def end(self) -> None:
        """End the dead letter if no unit is parked any more; called once a decision is carried out."""
        if self.since is not None and not self._units:
            self._leave()

    def stop(self) -> None:
        """Stop the retention timer: the job continues as new."""
        self._retention.stop()

    def close(self, *, expired: bool) -> None:
        """Nobody decides any more about what is parked: the job is ending."""
        if expired:
            self._job.notes.add(
                JournalType.JOB_DISCARDED,
                reason="the dead letter's retention ended",
                resolution=Resolution.EXPIRED,
            )
        self.expired = False
        self._units.clear()
        self.end()

    def _leave(self) -> None:
        self.stop()
        self.since = None
        self._job.attribute.set(Need.DEAD_LETTERED, holds=False)

    def _dead_letter(self, unit: Unit) -> None:
        now = workflow.now()
        self.since = now.isoformat()
        self.parks += 1
        expires_at = now + parse_duration(self._job.spec.dead_letter.retention)
        self._job.notes.add(
            JournalType.JOB_DEAD_LETTERED,
            steps=[unit.name],
            expires_at=expires_at.isoformat(),
            error=unit.error,
        )
        self._job.attribute.set(Need.DEAD_LETTERED, holds=True)
        self._watch(now)

    def _watch(self, since: datetime) -> None:
        retention = parse_duration(self._job.spec.dead_letter.retention)
        self._retention.start(since + retention - workflow.now())

    def _expire(self) -> None:
        self.expired = True
        self._on_expired()
