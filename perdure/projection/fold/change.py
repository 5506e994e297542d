"""Changes of units: found or added, moved from state to state, each at the cost of that unit alone.

Used by the handlers of the fold. Whatever asks for an item here is going to change it.
"""

from datetime import datetime
from typing import Any

from perdure.contract.identifier import UnitId
from perdure.contract.journal import JournalType
from perdure.contract.state import StepStatus
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import OPEN, StepFold, UnitFold


def find(state: FoldState, unit: UnitId) -> UnitFold | None:
    """The unit, if something was heard of it."""
    step = state.steps.get(unit.step)
    found: UnitFold | None = step
    if step is not None and unit.index is not None:
        found = step.items.get(unit.index)
    if found is not None and unit.compensates:
        found = found.compensation
    if found is not None and unit.index is not None:
        _touch(state, unit.step, unit.index)
    return found


def unit_of(state: FoldState, unit: UnitId, type_: str = "") -> UnitFold:
    """The unit; one of which nothing was heard is added."""
    found: UnitFold = state.step(unit.step, type_)
    if unit.index is not None:
        found = _item(state, state.step(unit.step), unit.index)
    if not unit.compensates:
        return found
    if found.compensation is None:
        found.compensation = UnitFold(unit)
        _recount(state, found.compensation, None)
    return found.compensation


def _item(state: FoldState, step: StepFold, index: int) -> UnitFold:
    _touch(state, step.unit.step, index)
    found = step.items.get(index)
    if found is None:
        found = step.items[index] = UnitFold(UnitId(step.unit.step, index), round=step.round)
        step.total = max(step.total or 0, index + 1)
        _recount(state, found, None)
    return found


def take_over_item(step: StepFold, index: int, status: StepStatus) -> UnitFold:
    """An item that an earlier run of the job knew; the step's status is told apart."""
    item = step.items[index] = UnitFold(UnitId(step.unit.step, index), status)
    step.item_counts[status] += 1
    if status is StepStatus.DEAD_LETTERED:
        step.parked_items.setdefault(index)
    return item


def _touch(state: FoldState, step_id: str, index: int) -> None:
    state.touched[step_id, index] = state.applying
    state.changed.add((step_id, index))


def move(state: FoldState, unit: UnitFold, status: StepStatus) -> None:
    """Change a unit's status; a step follows its items."""
    before, unit.status = unit.status, status
    _recount(state, unit, before)


def finish(state: FoldState, unit: UnitFold, status: StepStatus, at: datetime | None) -> None:
    """Change a unit's status for good; what a later decision may still override is not lost by it."""
    move(state, unit, status)
    unit.completed_at = at
    unit.wake_at = unit.waiting_for = None


def begin(state: FoldState, unit: UnitFold, status: StepStatus, at: datetime) -> None:
    """A unit runs, or waits."""
    unit.started_at = unit.started_at or at
    unit.completed_at = unit.error = None
    step = state.steps[unit.unit.step]
    if not unit.unit.compensates:
        step.started_at = step.started_at or at
    else:
        _close_open(state, at)
    if state.scheduled:
        state.started_at = at
    move(state, unit, status)


def _close_open(state: FoldState, at: datetime) -> None:
    """The job is ending: what was stopped without an event of its own (a wait, a backoff) is over."""
    state.pause = None
    if any(state.step_counts[status] for status in (StepStatus.RUNNING, StepStatus.WAITING)):
        for step in state.in_status(StepStatus.RUNNING) + state.in_status(StepStatus.WAITING):
            finish(state, step, StepStatus.CANCELED, at)


def complete(state: FoldState, unit: UnitFold, output: Any, at: datetime) -> JournalType:
    """A unit has done what it is for. Returns how the journal calls that."""
    finish(state, unit, StepStatus.COMPLETED, at)
    unit.output, unit.error = output, None
    if not unit.unit.compensates:
        return JournalType.STEP_COMPLETED
    undone(state, unit)
    return JournalType.STEP_COMPENSATED


def undone(state: FoldState, compensation: UnitFold) -> None:
    """What `compensation` is for counts as undone; a fan-out does once none of its items is left COMPLETED."""
    step = state.steps[compensation.unit.step]
    index = compensation.unit.index
    if index is not None:
        move(state, step.items[index], StepStatus.COMPENSATED)
    if index is None or not step.item_counts[StepStatus.COMPLETED]:
        move(state, step, StepStatus.COMPENSATED)


def count(state: FoldState, unit: UnitFold, attempts: int, retries: int) -> None:
    """A unit has so many attempts and retries more than before."""
    step = state.steps[unit.unit.step]
    if unit.unit.compensates:
        step.undo_attempts += attempts
        step.undo_retries += retries
    elif unit.unit.index is not None:
        step.item_attempts += attempts
        step.item_retries += retries


def _recount(state: FoldState, unit: UnitFold, before: StepStatus | None) -> None:
    step_id, index, compensates = unit.unit
    step = state.steps[step_id]
    counts = [state.undo_counts] if compensates else [state.step_counts] if index is None else [step.item_counts]
    if compensates and index is not None:
        counts.append(step.undo_counts)
    for counter in counts:
        counter[unit.status] += 1
        if before is not None:
            counter[before] -= 1
    if compensates:
        _note_undoing(state, unit)
    elif index is not None:
        _follow_item(state, step, index, unit.status)


def _note_undoing(state: FoldState, unit: UnitFold) -> None:
    if unit.status in OPEN:
        state.undoing.setdefault(unit.unit)
    else:
        state.undoing.pop(unit.unit, None)


def _follow_item(state: FoldState, step: StepFold, index: int, status: StepStatus) -> None:
    if status is StepStatus.DEAD_LETTERED:
        step.parked_items.setdefault(index)
    else:
        step.parked_items.pop(index, None)
    if status is StepStatus.RUNNING:
        step.running_items[index] = step.items[index].round
    else:
        step.running_items.pop(index, None)
    if step.status.final or step.parked_whole or status is step.status is StepStatus.PENDING:
        return
    shown = StepStatus.DEAD_LETTERED if step.parked_items else StepStatus.RUNNING
    if step.closes_canceled:
        finish(state, step, StepStatus.CANCELED, state.applying_at or step.started_at)
    elif step.status is not shown:
        move(state, step, shown)
