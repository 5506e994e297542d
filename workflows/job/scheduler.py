"""Starts the units that may run, each as a task of its own, and settles what they ended with."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from temporalio import workflow

from perdure.contract.error import ErrorClass, ErrorInfo
from perdure.contract.journal import JournalType
from perdure.contract.json_size import json_bytes
from perdure.contract.state import StepStatus
from workflows.job.ahead import go_ahead, leave_place, send_back
from workflows.job.catching import caught
from workflows.job.dependents import Dependents
from workflows.job.fan_out import admit, expand
from workflows.job.outcome import Canceled, Caught, Completed, Failed, Outcome, Skipped, failure
from workflows.job.parking import Parking
from workflows.job.plan import Plan, is_met, tolerated
from workflows.job.state import JobRun
from workflows.job.step_run import run_round
from workflows.job.unit import FanOut, StepRun, Unit
from workflows.job.waits import Waits

KEEP_PATCH = "keep-what-completed"


class Scheduler:
    """The units of a job on their way. `on_moved` is called whenever the main coroutine has to look again."""

    def __init__(
        self, job: JobRun, parking: Parking, dependents: Dependents, waits: Waits, on_moved: Callable[[], None]
    ) -> None:
        self.continuing = False
        """Whether tasks are stopped only because the job continues as new."""
        self.closing = False
        """Whether the job is ending: what fails now is not caught, tolerated or parked."""
        self.failed: StepRun | None = None
        """The first step that fails the job."""
        self.crash: BaseException | None = None
        self.plan = Plan(job.steps)
        self._job = job
        self._parking = parking
        self._dependents = dependents
        self._waits = waits
        self._on_moved = on_moved
        self._open = {step.step.id for step in job.steps.values() if not step.status.final}
        self._ready: deque[Unit] = deque()
        self._tasks: dict[Unit, asyncio.Task[None]] = {}
        self._stopping: asyncio.Task[None] | None = None
        for step in job.steps.values():
            self._line_up(step)

    @property
    def done(self) -> bool:
        """Whether every step has ended."""
        return not self._open

    @property
    def idle(self) -> bool:
        """Whether no task is left."""
        return not self._tasks

    @property
    def running(self) -> list[Unit]:
        """The units that do something: not those that only wait, which continue as new unharmed."""
        return [unit for unit in self._tasks if unit.status is not StepStatus.WAITING]

    # --- starting ---

    def _line_up(self, step: StepRun) -> None:
        """Take up a step as it stands: new, waiting, or with items that have not ended."""
        if step.fan_out is not None and not step.status.final:
            self._ready.extend(admit(step))
        elif step.status in (StepStatus.PENDING, StepStatus.WAITING) and self.plan.free(step):
            self._ready.append(step)

    def start_ready(self) -> None:
        """Start what may start, within the job's limit."""
        begun: list[Unit] = []
        while self._ready and self._places > 0:
            unit = self._ready.popleft()
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
        return self._job.limits.in_flight - len(self._tasks)

    def compensate(self, unit: Unit) -> None:
        """Line up a compensation."""
        self._ready.append(unit)

    def _start(self, unit: Unit) -> None:
        if unit.status is StepStatus.PENDING and not unit.behind:
            unit.status = StepStatus.RUNNING
            unit.started_at = unit.started_at or workflow.now().isoformat()
        self._tasks[unit] = asyncio.create_task(self._run(unit))

    def _begin_fan_out(self, step: StepRun) -> None:
        step.started_at = workflow.now().isoformat()
        problem = expand(self._job, step)
        if problem is not None or step.fan_out is None:
            taken = caught(self._job, step, problem) if isinstance(problem, Failed) else None
            self._settle(step, taken or problem or Canceled())
            self._on_moved()
            return
        step.status = StepStatus.RUNNING
        total = len(step.fan_out.items)
        self._job.notes.add(JournalType.STEP_STARTED, step=step.name, round_=step.round, items=total)
        if total == 0:
            self._close_fan_out(step)
            self._on_moved()
        self._ready.extend(admit(step))

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
        del self._tasks[unit]
        if unit.behind:
            self._postpone(unit)
        elif not self.continuing and self._is_current(unit):
            self._settle(unit, outcome)
        self._on_moved()

    def _postpone(self, unit: Unit) -> None:
        """A unit begun ahead of its turn was not made: as if it had not been begun."""
        unit.behind = ()
        if not isinstance(unit, StepRun):
            if self._is_current(unit):
                self._ready.extend(send_back(self._job.steps[unit.id.step], unit))
        elif self.plan.free(unit):
            self._ready.append(unit)

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

    # --- settling ---

    def _settle(self, unit: Unit, outcome: Outcome) -> None:
        fan_out = self._fan_out_of(unit)
        if fan_out is not None and fan_out.given_up:
            self._settle_given_up(unit, outcome)
            return
        self._leave_place(unit)
        kept = outcome.output if isinstance(outcome, Completed | Caught) else None
        if not (self._job.keep(unit, kept) or self._is_droppable(unit)):
            self._settle_too_large(unit, outcome)
            return
        match outcome:
            case Completed(attempts=attempts):
                unit.attempts += attempts
                self._note_completion(unit)
                self.finish(unit, StepStatus.COMPLETED)
            case Skipped(reason=reason):
                self._job.notes.add(JournalType.STEP_SKIPPED, step=unit.name, round_=unit.round, reason=reason)
                self.finish(unit, StepStatus.SKIPPED)
            case Caught(failed=failed):
                unit.attempts += failed.attempts
                self._note_caught(unit, failed.error)
                self.finish(unit, StepStatus.COMPLETED)
            case Failed(error=error, attempts=attempts):
                unit.attempts += attempts
                self._fail(unit, error)
            case Canceled(attempts=attempts, told=told):
                unit.attempts += attempts
                self._cancel(unit, told=told)

    def _is_droppable(self, unit: Unit) -> bool:
        # Nothing refers to what a compensation gives. A job that is full has to be undone as any other.
        return unit.id.compensates and workflow.patched(KEEP_PATCH)

    def _cancel(self, unit: Unit, *, told: bool) -> None:
        if not told:
            self._job.notes.add(JournalType.STEP_CANCELED, step=unit.name, round_=unit.round)
        self.finish(unit, StepStatus.CANCELED)

    def _settle_too_large(self, unit: Unit, outcome: Outcome) -> None:
        message = (
            f"with the output of {unit.name} the job would hold more than {self._job.limits.state_bytes} bytes "
            "of spec and outputs; return less, or store it elsewhere and return a reference"
        )
        error = failure(self._job, unit, "ENGINE.STATE_TOO_LARGE", ErrorClass.PERMANENT, message).error
        unit.attempts += outcome.attempts if isinstance(outcome, Completed) else 0
        step = self._job.steps[unit.id.step]
        if unit is step or unit.id.compensates:
            self._fail(unit, error)
            return
        # One list is too long, not one entry: the step fails as a whole, not thousands of items one by one.
        if step.step.compensate is not None and workflow.patched(KEEP_PATCH):
            self._settle_given_up(unit, outcome)
            self._give_up_list(step)
        else:
            self._forget_items(step)
        self._fail(step, error)

    def _give_up_list(self, step: StepRun) -> None:
        """Stop the items that are open; keep all, for what they did is undone when the job ends."""
        if step.fan_out is None:
            return
        step.fan_out.given_up = True
        step.fan_out.queue.clear()
        self._leave_out(step.fan_out.items)
        for item in step.fan_out.items:
            if not item.status.final and item not in self._tasks:
                item.status = StepStatus.CANCELED
        self._stopping = asyncio.create_task(self._stop_next(step.fan_out.items))

    async def _stop_next(self, items: list[Unit]) -> None:
        """Stop what runs, once what ended in this workflow task is settled."""
        await workflow.wait_condition(lambda: True)
        self._stop(items)

    def _settle_given_up(self, item: Unit, outcome: Outcome) -> None:
        """An item whose output the job has no room for; it completed all the same, if it did."""
        item.status = StepStatus.COMPLETED if isinstance(outcome, Completed) else StepStatus.CANCELED
        item.completed_at = workflow.now().isoformat()
        if item.status is StepStatus.COMPLETED:
            self._note_completion(item)

    def _leave_out(self, items: list[Unit]) -> None:
        """They are parked no more, and do not start."""
        known = set(items)
        for item in items:
            self._parking.release(item)
        self._ready = deque(unit for unit in self._ready if unit not in known)

    def _stop(self, items: list[Unit]) -> None:
        for item in items:
            if item in self._tasks:
                self._tasks[item].cancel()

    def _forget_items(self, step: StepRun) -> None:
        items = step.fan_out.items if step.fan_out else []
        self._stop(items)
        self._leave_out(items)
        known = set(items)
        self._job.completed = [name for name in self._job.completed if self._job.unit(name) not in known]
        self._job.forget(step)

    def _note_completion(self, unit: Unit) -> None:
        if self._job.steps[unit.id.step].step.compensate is not None and not unit.id.compensates:
            self._job.completed.append(unit.name)

    def _note_caught(self, unit: Unit, error: ErrorInfo) -> None:
        self._job.notes.add(
            JournalType.STEP_CAUGHT,
            step=unit.name,
            round_=unit.round,
            error=error,
            output=unit.output,
            code=error.code,
        )

    def _fail(self, unit: Unit, error: ErrorInfo) -> None:
        unit.error = error
        go_on = not self.closing and not unit.id.compensates
        if go_on and tolerated(unit.step):
            self._job.notes.add(JournalType.STEP_FAILED, step=unit.name, round_=unit.round, error=error, continued=True)
            self.finish(unit, StepStatus.FAILED)
        elif self._job.spec.dead_letter.enabled and (go_on or unit.id.compensates):
            self._park(unit)
        else:
            kind = JournalType.STEP_COMPENSATION_FAILED if unit.id.compensates else JournalType.STEP_FAILED
            self._job.notes.add(kind, step=unit.name, round_=unit.round, error=error)
            self.finish(unit, StepStatus.FAILED)

    def _park(self, unit: Unit) -> None:
        if self._parking.park(unit) and not unit.id.compensates:
            self._dependents.after_park(self._parking.parks)
        fan_out = self._fan_out_of(unit)
        if fan_out is not None:
            fan_out.parked += 1
            self._job.steps[unit.id.step].status = StepStatus.DEAD_LETTERED

    def finish(self, unit: Unit, status: StepStatus) -> None:
        """Give a unit its final status; what waits for it may go on."""
        unit.status = status
        unit.completed_at = workflow.now().isoformat()
        if status not in (StepStatus.FAILED, StepStatus.CANCELED, StepStatus.OMITTED):
            unit.error = None
        if unit.id.compensates:
            return
        step = self._job.steps[unit.id.step]
        if status is StepStatus.FAILED and not tolerated(step.step) and self.failed is None:
            # One item is enough: the others have nothing to wait for.
            step.error = unit.error
            self.failed = step
        if unit is not step:
            self._item_ended(step)
            return
        self._open.discard(step.step.id)
        if is_met(step):
            self._ready.extend(freed for freed in self.plan.freed_by(step) if self._may_start(freed))

    def _may_start(self, step: StepRun) -> bool:
        return step.status in (StepStatus.PENDING, StepStatus.WAITING) and step not in self._tasks

    # --- fan-outs ---

    def _fan_out_of(self, unit: Unit) -> FanOut | None:
        """The fan-out that the unit is an item of."""
        is_item = unit.id.index is not None and not unit.id.compensates
        return self._job.steps[unit.id.step].fan_out if is_item else None

    def _leave_place(self, unit: Unit) -> None:
        """An item's place is free for the next one."""
        fan_out = self._fan_out_of(unit)
        if fan_out is not None:
            self._ready.extend(leave_place(self._job.steps[unit.id.step], unit))

    def _item_ended(self, step: StepRun) -> None:
        fan_out = step.fan_out
        if fan_out is None:
            return
        fan_out.left -= 1
        if fan_out.left == 0:
            self._close_fan_out(step)

    def _close_fan_out(self, step: StepRun) -> None:
        items = step.fan_out.items if step.fan_out else []
        failed = next((item for item in items if item.status is StepStatus.FAILED), None)
        stopped = any(item.status is StepStatus.CANCELED for item in items)
        if stopped and (failed is None or tolerated(step.step)):
            self._cancel(step, told=False)
        elif failed is None:
            self._job.notes.add(JournalType.STEP_COMPLETED, step=step.name, round_=step.round)
            self.finish(step, StepStatus.COMPLETED)
        else:
            step.error = failed.error
            continued: dict[str, Any] = {"continued": True} if tolerated(step.step) else {}
            self._job.notes.add(
                JournalType.STEP_FAILED, step=step.name, round_=step.round, error=failed.error, **continued
            )
            self.finish(step, StepStatus.FAILED)

    # --- decisions ---

    def release(self, unit: Unit) -> None:
        """A parked unit is parked no more; its step neither, once none of its items is."""
        self._parking.release(unit)
        fan_out = self._fan_out_of(unit)
        if fan_out is not None:
            fan_out.parked -= 1
            step = self._job.steps[unit.id.step]
            step.status = StepStatus.DEAD_LETTERED if fan_out.parked else StepStatus.RUNNING

    def retry(self, units: Iterable[Unit]) -> None:
        """Put parked units back to run another round."""
        for unit in units:
            self.release(unit)
            self.forget(unit)
            unit.begin_again()
            fan_out = self._fan_out_of(unit)
            if fan_out is None:
                self._ready.append(unit)
            else:
                fan_out.queue.append(unit)
                self._ready.extend(admit(self._job.steps[unit.id.step]))
        self._on_moved()

    def forget(self, unit: Unit) -> None:
        """A fan-out that was parked as a whole is decided about: it loses what it kept for being undone."""
        if isinstance(unit, StepRun) and unit.fan_out is not None:
            self._forget_items(unit)

    def reset(self, steps: list[StepRun]) -> None:
        """Put whole steps back to where they had not begun, for another round; none of them may be open."""
        for step in steps:
            self._forget_items(step)
            self._parking.release(step)
            self._job.completed = [name for name in self._job.completed if name != step.name]
            step.compensations.clear()
            step.begin_again()
            step.error = None
            step.generation += 1
            self._open.add(step.step.id)
        self.plan.recount(step.step.id for step in steps)
        self._ready.extend(step for step in steps if self.plan.free(step))
        self._on_moved()

    # --- stopping ---

    def close(self) -> None:
        """The job is ending: start no further step, and ask what runs to stop."""
        self.closing = True
        self._ready.clear()
        self.cancel()

    def cancel(self) -> None:
        """Ask what runs to stop."""
        self._job.stopping = True
        for task in self._tasks.values():
            task.cancel()
