"""JOB_RETRY_REQUESTED: which units go into another round, and which steps begin anew with it."""

from perdure.contract.identifier import UnitId, parse_unit_id
from perdure.contract.note import Note
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.change import find, move
from perdure.projection.fold.fan_out import forget
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold, UnitFold

_BEGUN_SINCE = frozenset({StepStatus.RUNNING, StepStatus.WAITING})
"""A step that begins anew was closed; one that is open has begun already, by an event that came before the note."""


def on_retry(state: FoldState, note: Note) -> None:
    """Set the units of `rounds` back to PENDING, where no later round of them has begun."""
    reset = set(map(str, reading.items(note.data, "reset")))
    for text, round_ in reading.mapping(note.data, "rounds").items():
        unit = find(state, parse_unit_id(text) or UnitId(text))
        if unit is None or not isinstance(round_, int):
            continue
        if text in reset and isinstance(unit, StepFold):
            _reset(state, unit, round_)
        elif round_ > unit.round:
            _again(state, unit, round_)


def _again(state: FoldState, unit: UnitFold, round_: int) -> None:
    unit.round = round_
    if unit.status is StepStatus.DEAD_LETTERED:
        if isinstance(unit, StepFold):
            unit.parked_whole = False
        _set_back(state, unit)


def _reset(state: FoldState, step: StepFold, round_: int) -> None:
    begun = round_ <= step.round or step.status in _BEGUN_SINCE
    forget(state, step, round_)
    step.round = max(step.round, round_)
    if not begun:
        _set_back(state, step)


def _set_back(state: FoldState, unit: UnitFold) -> None:
    unit.error = unit.started_at = unit.completed_at = unit.wake_at = unit.waiting_for = None
    unit.output = None
    unit.decisions = []
    move(state, unit, StepStatus.PENDING)
