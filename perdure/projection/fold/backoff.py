"""Units that wait for their next attempt on a timer of the workflow, of which Temporal's own list knows nothing.

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


def _known(state: FoldState, id_: UnitId) -> UnitFold | None:
    # Not by `find`, which counts an item as changed.
    step = state.steps.get(id_.step)
    unit: UnitFold | None = step
    if step is not None and id_.index is not None:
        unit = step.items.get(id_.index)
    return unit.compensation if unit is not None and id_.compensates else unit
