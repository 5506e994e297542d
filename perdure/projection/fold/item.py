"""Items and compensations as the store keeps them and the API shows them."""

from collections.abc import Iterable

from perdure.contract.state import StepStatus
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold, UnitFold
from perdure.projection.record import Compensation, ItemRecord

_DECISIVE = (
    StepStatus.DEAD_LETTERED,
    StepStatus.RUNNING,
    StepStatus.WAITING,
    StepStatus.FAILED,
    StepStatus.CANCELED,
    StepStatus.SKIPPED,
    StepStatus.COMPLETED,
)
"""Which compensation of an item decides what is told of them all, first to last."""


def changed_items(state: FoldState) -> list[ItemRecord]:
    """The items that changed since `settle`."""
    return _records(state, sorted(state.changed))


def all_items(state: FoldState) -> list[ItemRecord]:
    """The items that this run changed; what an earlier run left as it was is not told again."""
    return _records(state, state.touched)


def settle(state: FoldState) -> None:
    """What `changed_items` gave is written."""
    state.changed.clear()


def known_items(state: FoldState, step_id: str) -> list[ItemRecord]:
    """The items of a step of which something was heard, in order; those of earlier runs without their times."""
    step = state.steps.get(step_id)
    return [_record(state, step, item) for item in step.all_items()] if step else []


def compensation(unit: UnitFold) -> Compensation | None:
    """The compensation of a step or an item, once it has begun."""
    undo = unit.compensation
    if undo is None:
        return None
    return Compensation(
        status=undo.status,
        round=undo.round,
        started_at=undo.started_at,
        completed_at=undo.completed_at,
        error=undo.error,
        attempt_count=undo.attempt_count,
        attempts=list(undo.attempts),
    )


def compensation_of_items(step: StepFold) -> Compensation | None:
    """What is told of the compensations of a fan-out's items together; each item tells its own."""
    status = next((status for status in _DECISIVE if step.undo_counts[status]), None)
    if status is None:
        return None
    failed = status in (StepStatus.DEAD_LETTERED, StepStatus.FAILED)
    return Compensation(status=status, error=step.undo_error if failed else None, attempt_count=step.undo_attempts)


def _records(state: FoldState, keys: Iterable[tuple[str, int]]) -> list[ItemRecord]:
    found = []
    for step_id, index in keys:
        step = state.steps[step_id]
        if index in step.items:
            found.append(_record(state, step, step.items[index]))
    return found


def _record(state: FoldState, step: StepFold, item: UnitFold) -> ItemRecord:
    index = item.unit.index or 0
    return ItemRecord(
        step_id=step.unit.step,
        index=index,
        status=item.status,
        round=item.round,
        started_at=item.started_at,
        completed_at=item.completed_at,
        output=item.output,
        error=item.error,
        attempt_count=item.attempt_count,
        attempts=list(item.attempts),
        compensation=compensation(item),
        waiting_for=item.waiting_for,
        decisions=list(item.decisions),
        event_id=state.touched.get((step.unit.step, index), 0),
    )
