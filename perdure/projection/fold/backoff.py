"""Units whose next attempt the workflow makes, on a timer or after a pause: Temporal's own list knows nothing of them.

Used by the timer handlers, by what tells what is live, and by decisions about the next attempt.
"""

from collections.abc import Iterator
from datetime import datetime

from perdure.contract.identifier import UnitId, parse_unit_id
from perdure.contract.name import backoff_unit
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import UnitFold
from perdure.projection.history import HistoryEvent


def on_backoff_started(state: FoldState, event: HistoryEvent) -> None:
    """Note which unit waits, and until when; nothing where the timer is another one."""
    id_ = parse_unit_id(backoff_unit(event.summary) or "")
    wait = reading.span(event.data, "milliseconds")
    if id_ is not None and wait is not None:
        state.backoffs[event.event_id] = (id_, event.at + wait)


def on_backoff_over(state: FoldState, event: HistoryEvent) -> None:
    """It waits no more: the timer fired, or was canceled."""
    state.backoffs.pop(reading.number(event.data, "started_event_id") or 0, None)


def open_backoffs(state: FoldState) -> Iterator[tuple[UnitFold, datetime]]:
    """What waits now, each with when its next attempt is due."""
    for id_, due in state.backoffs.values():
        unit = _known(state, id_)
        if unit is not None and unit.status is StepStatus.RUNNING:
            yield unit, due


def held_back(state: FoldState) -> Iterator[UnitFold]:
    """What would be attempted again by now, were the job not paused: it failed, and neither runs nor is on a timer."""
    if state.pause is None:
        return
    busy = {activity.unit for activity in state.activities.values()} | {id_ for id_, _ in state.backoffs.values()}
    for unit in _running(state):
        if unit.unit not in busy and unit.tried.get(unit.round):
            yield unit


def _running(state: FoldState) -> Iterator[UnitFold]:
    """Units that run, fan-outs by their items."""
    for step in state.in_status(StepStatus.RUNNING):
        if not step.fans_out:
            yield step
        yield from (step.items[index] for index in step.running_items)
    for id_ in state.undoing:
        undo = _known(state, id_)
        if undo is not None and undo.status is StepStatus.RUNNING:
            yield undo


def _known(state: FoldState, id_: UnitId) -> UnitFold | None:
    # Not by `find`, which counts an item as changed.
    step = state.steps.get(id_.step)
    unit: UnitFold | None = step
    if step is not None and id_.index is not None:
        unit = step.items.get(id_.index)
    return unit.compensation if unit is not None and id_.compensates else unit
