"""Items of a fan-out as a whole: begun, forgotten when the step begins anew, closed with their step."""

from datetime import datetime

from perdure.contract.state import StepStatus
from perdure.projection.fold.change import finish, move, unit_of
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold, UnitFold

_FOLLOWS = {
    StepStatus.RUNNING: StepStatus.CANCELED,
    StepStatus.WAITING: StepStatus.CANCELED,
    StepStatus.DEAD_LETTERED: StepStatus.CANCELED,
    StepStatus.PENDING: StepStatus.CANCELED,
}
"""What becomes of an item that was open when its step was closed."""


def begin_fan_out(state: FoldState, step: StepFold, total: int) -> None:
    """The step has so many items. What was known of items of this round stays: their events may have come first."""
    _forget_before(state, step, step.round)
    step.total = max(total, len(step.items))
    step.parked_whole = False


def forget(state: FoldState, step: StepFold, round_: int) -> None:
    """The step begins anew with `round_`: its items and compensations were another time's."""
    _forget_before(state, step, round_)
    if not step.items:
        step.total = None
    if step.compensation is not None:
        move(state, step.compensation, StepStatus.PENDING)
        state.undo_counts[StepStatus.PENDING] -= 1
        step.compensation = None
    step.parked_whole = False
    step.undo_error = None


def _forget_before(state: FoldState, step: StepFold, round_: int) -> None:
    old = [item for item in step.items.values() if item.round < round_ and item.status is not StepStatus.RUNNING]
    for item in old:
        index = item.unit.index or 0
        _forget_item(state, step, index, item)


def _forget_item(state: FoldState, step: StepFold, index: int, item: UnitFold) -> None:
    if item.compensation is not None:
        move(state, item.compensation, StepStatus.PENDING)
        state.undo_counts[StepStatus.PENDING] -= 1
        step.undo_counts[StepStatus.PENDING] -= 1
    step.item_counts[item.status] -= 1
    step.parked_items.pop(index, None)
    step.running_items.pop(index, None)
    del step.items[index]
    state.touched.pop((step.unit.step, index), None)
    state.changed.discard((step.unit.step, index))


def close_items(state: FoldState, step: StepFold, at: datetime, parked_become: StepStatus | None = None) -> None:
    """End the open items of a step that is over."""
    for item in [item for item in step.items.values() if item.status in _FOLLOWS]:
        became = _FOLLOWS[item.status]
        if item.status is StepStatus.DEAD_LETTERED and parked_become is not None:
            became = parked_become
        unit_of(state, item.unit)  # it changes
        finish(state, item, became, at)


def unbegun_status(step: StepFold) -> StepStatus:
    """The status of items of which nothing was ever heard."""
    if step.status is StepStatus.OMITTED:
        return StepStatus.OMITTED
    return StepStatus.CANCELED if step.status.final else StepStatus.PENDING
