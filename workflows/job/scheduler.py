"""Starts the units that may run, each as a task of its own, within the job's limits."""

import asyncio
from collections.abc import Callable, Iterable

from temporalio import workflow

from perdure.contract.journal import JournalType
from perdure.contract.json_size import json_bytes
from perdure.contract.state import StepStatus
from workflows.job.ahead import go_ahead, send_back
from workflows.job.catching import caught
from workflows.job.dependents import Dependents
from workflows.job.fan_out import admit, expand
from workflows.job.outcome import Canceled, Caught, Failed
from workflows.job.parking import Parking
from workflows.job.plan import Plan
from workflows.job.settlement import Settlement
from workflows.job.sleep import is_over
from workflows.job.state import JobRun
from workflows.job.step_run import run_round
from workflows.job.underway import Underway
from workflows.job.unit import StepRun, Unit
from workflows.job.waits import Waits


class Scheduler:
    """The units of a job on their way. `on_moved` is called whenever the main coroutine has to look again."""

    def __init__(
        self, job: JobRun, parking: Parking, dependents: Dependents, waits: Waits, on_moved: Callable[[], None]
    ) -> None:
        self.continuing = False
        """Whether tasks are stopped only because the job continues as new."""
        self.crash: BaseException | None = None
        self.plan = Plan(job.steps)
        self._job = job
        self._parking = parking
        self._waits = waits
        self._on_moved = on_moved
        self._underway = Underway()
        self._settlement = Settlement(job, self.plan, self._underway, parking, dependents)
        for step in job.steps.values():
            self._line_up(step)

    @property
    def done(self) -> bool:
        """Whether every step has ended."""
        return not self._settlement.open

    @property
    def failed(self) -> StepRun | None:
        """The first step that fails the job."""
        return self._settlement.failed

    @property
    def closing(self) -> bool:
        """Whether the job is ending: what fails now is not caught, tolerated or parked."""
        return self._settlement.closing

    @closing.setter
    def closing(self, closing: bool) -> None:
        self._settlement.closing = closing

    @property
    def idle(self) -> bool:
        """Whether no task is left."""
        return not self._underway.tasks

    @property
    def running(self) -> list[Unit]:
        """The units that do something: not those that only wait, which continue as new unharmed."""
        return [unit for unit in self._underway.tasks if unit.status is not StepStatus.WAITING]

    @property
    def waking(self) -> bool:
        """Whether a sleep is over whose timer has not been told of."""
        return any(is_over(unit) for unit in self._underway.tasks)

    # --- starting ---

    def _line_up(self, step: StepRun) -> None:
        """Take up a step as it stands: new, waiting, or with items that have not ended."""
        if step.fan_out is not None and not step.status.final:
            self._underway.ready.extend(admit(step))
        elif step.status in (StepStatus.PENDING, StepStatus.WAITING) and self.plan.free(step):
            self._underway.ready.append(step)

    def start_ready(self) -> None:
        """Start what may start, within the job's limit."""
        begun: list[Unit] = []
        while self._underway.ready and self._places > 0:
            unit = self._underway.ready.popleft()
            if self.closing and not unit.id.compensates:
                continue
            if isinstance(unit, StepRun) and unit.step.for_each is not None:
                self._begin_fan_out(unit)
                continue
            self._start(unit)
            begun.append(unit)
        if not self.closing:
            for unit in go_ahead(self._job, self.plan, begun, self._places):
                self._start(unit)

    @property
    def _places(self) -> int:
        return self._job.limits.in_flight - len(self._underway.tasks)

    def compensate(self, unit: Unit) -> None:
        """Line up a compensation."""
        self._underway.ready.append(unit)

    def _start(self, unit: Unit) -> None:
        if unit.status is StepStatus.PENDING and not unit.behind:
            unit.status = StepStatus.RUNNING
            unit.started_at = unit.started_at or workflow.now().isoformat()
            if isinstance(unit, StepRun):
                unit.begun_at = workflow.info().get_current_history_length()
        self._underway.tasks[unit] = asyncio.create_task(self._run(unit))

    def _begin_fan_out(self, step: StepRun) -> None:
        step.started_at = workflow.now().isoformat()
        problem = expand(self._job, step)
        if problem is not None or step.fan_out is None:
            taken = caught(self._job, step, problem) if isinstance(problem, Failed) else None
            self._settlement.settle(step, taken or problem or Canceled())
            self._on_moved()
            return
        step.status = StepStatus.RUNNING
        total = len(step.fan_out.items)
        self._job.notes.add(JournalType.STEP_STARTED, step=step.name, round_=step.round, items=total)
        if total == 0:
            self._settlement.close_fan_out(step)
            self._on_moved()
        self._underway.ready.extend(admit(step))

    async def _run(self, unit: Unit) -> None:
        try:
            outcome = await run_round(self._job, self._waits, unit)
            if isinstance(outcome, Failed) and not unit.behind:
                outcome = await self._consider(unit, outcome)
        except asyncio.CancelledError:
            outcome = Canceled(told=unit.operation.type == "SLEEP")
        except Exception as crash:  # noqa: BLE001  raised again by the main coroutine: the task must not vanish
            self.crash = crash
            self._on_moved()
            return
        del self._underway.tasks[unit]
        if unit.behind:
            self._postpone(unit)
        elif not self.continuing and self._is_current(unit):
            self._settlement.settle(unit, outcome)
        self._on_moved()

    def _postpone(self, unit: Unit) -> None:
        """A unit begun ahead of its turn was not made: as if it had not been begun."""
        unit.behind = ()
        if not isinstance(unit, StepRun):
            fan_out = self._settlement.fan_out_of(unit)
            if fan_out is not None and fan_out.given_up:
                unit.status = StepStatus.CANCELED
            elif self._is_current(unit):
                self._underway.ready.extend(send_back(self._job.steps[unit.id.step], unit))
        elif self.plan.free(unit):
            self._underway.ready.append(unit)

    async def _consider(self, unit: Unit, failed: Failed) -> Failed | Caught:
        """Whether the step catches it; waits until the note about it has room in the workflow task."""
        found = None if self.closing or unit.id.compensates else caught(self._job, unit, failed)
        outcome = found or failed
        size = json_bytes(failed.error.message) + (json_bytes(outcome.output) if isinstance(outcome, Caught) else 0)
        await self._job.budget.reserve(size)
        return outcome

    def _is_current(self, unit: Unit) -> bool:
        """Not so for an item whose step gave up, or began again, meanwhile."""
        return isinstance(unit, StepRun) or self._job.unit(unit.name) is unit

    # --- decisions ---

    def finish(self, unit: Unit, status: StepStatus) -> None:
        """Give a unit its final status; what waits for it may go on."""
        self._settlement.finish(unit, status)

    def release(self, unit: Unit) -> None:
        """A parked unit is parked no more; its step neither, once none of its items is."""
        self._settlement.release(unit)

    def forget(self, unit: Unit) -> None:
        """A fan-out that was parked as a whole is decided about: it loses what it kept for being undone."""
        self._settlement.forget(unit)

    def retry(self, units: Iterable[Unit]) -> None:
        """Put parked units back to run another round."""
        for unit in units:
            self.release(unit)
            self.forget(unit)
            unit.begin_again()
            fan_out = self._settlement.fan_out_of(unit)
            if fan_out is None:
                self._underway.ready.append(unit)
            else:
                fan_out.queue.append(unit)
                self._underway.ready.extend(admit(self._job.steps[unit.id.step]))
        self._on_moved()

    def reset(self, steps: list[StepRun]) -> None:
        """Put whole steps back to where they had not begun, for another round; none of them may be open."""
        for step in steps:
            self._settlement.forget_items(step)
            self._parking.release(step)
            self._job.completed = [name for name in self._job.completed if name != step.name]
            step.compensations.clear()
            step.begin_again()
            step.error = None
            step.generation += 1
            self._settlement.open.add(step.step.id)
        self.plan.recount(step.step.id for step in steps)
        self._underway.ready.extend(step for step in steps if self.plan.free(step))
        self._on_moved()

    # --- stopping ---

    def close(self) -> None:
        """The job is ending: start no further step, and ask what runs to stop."""
        self.closing = True
        self._underway.ready.clear()
        self.cancel()

    def cancel(self) -> None:
        """Ask what runs to stop; a sleep that is over ends by itself."""
        self._job.stopping = True
        for unit, task in self._underway.tasks.items():
            if not is_over(unit):
                task.cancel()
