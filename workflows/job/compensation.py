"""Undoes what completed, one unit at a time, newest first, when a job ends without completing (contract 1)."""

from perdure.contract.journal import JournalType
from perdure.contract.state import StepStatus
from workflows.job.parking import Parking
from workflows.job.scheduler import Scheduler
from workflows.job.state import JobRun
from workflows.job.unit import Unit


class Compensations:
    """Walks `JobRun.completed` from its end; what is dealt with leaves the list."""

    def __init__(self, job: JobRun, scheduler: Scheduler, parking: Parking) -> None:
        self._job = job
        self._scheduler = scheduler
        self._parking = parking
        self._begun: Unit | None = None

    def advance(self) -> bool:
        """Begin the next one if the last one has ended; whether any is left."""
        while self._job.completed:
            name = self._job.completed[-1]
            target = self._job.unit(name)
            if target is None:
                self._job.completed.pop()
                continue
            undo = self._job.steps[target.id.step].compensation(target)
            if not undo.status.final:
                self._begin(undo)
                return True
            self._job.completed.pop()
            if undo.status is StepStatus.COMPLETED:
                self._compensated(target)
        return False

    def give_up(self, *, reason: str | None, actor: str | None = None, via: str | None = None) -> list[str]:
        """The parked one is not undone, the others still are; the names given up."""
        given_up = self._parking.parked
        by = {"via": via} if via else {}
        for unit in given_up:
            self._scheduler.release(unit)
            self._job.notes.add(
                JournalType.STEP_COMPENSATION_FAILED,
                step=unit.name,
                round_=unit.round,
                actor=actor,
                reason=reason,
                error=unit.error,
                **by,
            )
            error = unit.error
            self._scheduler.finish(unit, StepStatus.FAILED)
            self._job.steps[unit.id.step].error = error
        self._parking.end()
        return [unit.name for unit in given_up]

    def _begin(self, undo: Unit) -> None:
        if undo is not self._begun and undo.status is StepStatus.PENDING:
            self._scheduler.compensate(undo)
        self._begun = undo

    def _compensated(self, target: Unit) -> None:
        target.status = StepStatus.COMPENSATED
        step = self._job.steps[target.id.step]
        items = step.fan_out.items if step.fan_out else []
        if items and not any(item.status is StepStatus.COMPLETED for item in items):
            step.status = StepStatus.COMPENSATED
