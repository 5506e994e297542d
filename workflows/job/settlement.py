"""Settles what a unit's round ended with: its status, notes, park or failure, and what may go on after it."""

import asyncio
from typing import Any

from temporalio import workflow

from perdure.contract.error import ErrorClass, ErrorInfo
from perdure.contract.journal import JournalType
from perdure.contract.local_first import LOCAL_OUTPUT_BYTES
from perdure.contract.state import StepStatus
from workflows.job.ahead import leave_place
from workflows.job.dependents import Dependents
from workflows.job.outcome import Canceled, Caught, Completed, Failed, Outcome, Skipped, failure
from workflows.job.parking import Parking
from workflows.job.plan import Plan, is_met, tolerated
from workflows.job.state import JobRun
from workflows.job.underway import Underway
from workflows.job.unit import FanOut, StepRun, Unit

KEEP_PATCH = "keep-what-completed"
UNBEGUN_PATCH = "what-never-began-is-omitted"
_TOLD_AT_ONCE = {"WAIT", "APPROVAL", *LOCAL_OUTPUT_BYTES}
"""Types that the history holds something of although they were stopped in the workflow task that began them."""


class Settlement:
    """What becomes of the units of a job. Used by the scheduler, which starts them."""

    def __init__(self, job: JobRun, plan: Plan, underway: Underway, parking: Parking, dependents: Dependents) -> None:
        self.closing = False
        """Whether the job is ending: what fails now is not caught, tolerated or parked."""
        self.failed: StepRun | None = None
        """The first step that fails the job."""
        self.open = {step.step.id for step in job.steps.values() if not step.status.final}
        """The steps that have not ended."""
        self._job = job
        self._plan = plan
        self._underway = underway
        self._parking = parking
        self._dependents = dependents
        self._stopping: asyncio.Task[None] | None = None

    def settle(self, unit: Unit, outcome: Outcome) -> None:
        """Give a unit whose round has ended its next status, and say what the history does not."""
        fan_out = self.fan_out_of(unit)
        if fan_out is not None and fan_out.given_up:
            unit.attempts += outcome.attempts if isinstance(outcome, Completed | Canceled) else 0
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
        if _never_began(unit):
            unit.status, unit.started_at = StepStatus.PENDING, None
            return
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
            self.forget_items(step)
        self._fail(step, error)

    def _give_up_list(self, step: StepRun) -> None:
        """Stop the items that are open; keep all, for what they did is undone when the job ends."""
        if step.fan_out is None:
            return
        step.fan_out.given_up = True
        step.fan_out.queue.clear()
        self._leave_out(step.fan_out.items)
        for item in step.fan_out.items:
            if not item.status.final and item not in self._underway.tasks:
                item.status = StepStatus.CANCELED
        self._stopping = asyncio.create_task(self._stop_next(step.fan_out.items))

    async def _stop_next(self, items: list[Unit]) -> None:
        """Stop what runs, once what ended in this workflow task is settled."""
        await workflow.wait_condition(lambda: True)
        self._underway.stop(items)

    def _settle_given_up(self, item: Unit, outcome: Outcome) -> None:
        """An item whose output the job has no room for; it completed all the same, if it did."""
        item.status = StepStatus.COMPLETED if isinstance(outcome, Completed) else StepStatus.CANCELED
        item.completed_at = workflow.now().isoformat()
        if item.status is StepStatus.COMPLETED:
            self._note_completion(item)

    def _leave_out(self, items: list[Unit]) -> None:
        """They are parked no more, and do not start."""
        for item in items:
            self._parking.release(item)
        self._underway.leave_out(items)

    def forget_items(self, step: StepRun) -> None:
        """The step has no items any more, and what they did is not undone."""
        items = step.fan_out.items if step.fan_out else []
        self._underway.stop(items)
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
        fan_out = self.fan_out_of(unit)
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
        self.open.discard(step.step.id)
        if is_met(step):
            self._underway.ready.extend(freed for freed in self._plan.freed_by(step) if self._may_start(freed))

    def _may_start(self, step: StepRun) -> bool:
        return step.status in (StepStatus.PENDING, StepStatus.WAITING) and step not in self._underway.tasks

    def fan_out_of(self, unit: Unit) -> FanOut | None:
        """The fan-out that the unit is an item of."""
        is_item = unit.id.index is not None and not unit.id.compensates
        return self._job.steps[unit.id.step].fan_out if is_item else None

    def _leave_place(self, unit: Unit) -> None:
        """An item's place is free for the next one."""
        fan_out = self.fan_out_of(unit)
        if fan_out is not None:
            self._underway.ready.extend(leave_place(self._job.steps[unit.id.step], unit))

    def _item_ended(self, step: StepRun) -> None:
        fan_out = step.fan_out
        if fan_out is None:
            return
        fan_out.left -= 1
        if fan_out.left == 0:
            self.close_fan_out(step)

    def close_fan_out(self, step: StepRun) -> None:
        """All items have ended, and so has the step."""
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

    def release(self, unit: Unit) -> None:
        """A parked unit is parked no more; its step neither, once none of its items is."""
        self._parking.release(unit)
        fan_out = self.fan_out_of(unit)
        if fan_out is not None:
            fan_out.parked -= 1
            step = self._job.steps[unit.id.step]
            step.status = StepStatus.DEAD_LETTERED if fan_out.parked else StepStatus.RUNNING

    def forget(self, unit: Unit) -> None:
        """A fan-out that was parked as a whole is decided about: it loses what it kept for being undone."""
        if isinstance(unit, StepRun) and unit.fan_out is not None:
            self.forget_items(unit)


def _never_began(unit: Unit) -> bool:
    """Whether a step was begun and stopped in one workflow task: the SDK then sends neither."""
    if not isinstance(unit, StepRun) or unit.fan_out is not None or unit.operation.type in _TOLD_AT_ONCE:
        return False
    same_task = unit.begun_at == workflow.info().get_current_history_length()
    return same_task and workflow.patched(UNBEGUN_PATCH)
