"""What a note says of a unit: the decisions about steps, items and compensations, one function each."""

from collections.abc import Callable, Mapping
from datetime import datetime

from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.activity import shown_status
from perdure.projection.fold.change import begin, complete, finish, move
from perdure.projection.fold.fan_out import begin_fan_out, close_items
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold, UnitFold
from perdure.projection.fold.waiting import on_delivered, on_waiting

_FINAL = {
    JournalType.STEP_SKIPPED: StepStatus.SKIPPED,
    JournalType.STEP_OMITTED: StepStatus.OMITTED,
    JournalType.STEP_CANCELED: StepStatus.CANCELED,
    JournalType.STEP_FAILED: StepStatus.FAILED,
}
_PARKED = {JournalType.STEP_FAILED: StepStatus.FAILED}
"""What becomes of parked items when their step is closed so; else they are CANCELED like the other open ones."""


def decide(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    """Change the unit as the note says; one about a round that was followed by another since changes nothing."""
    if note.round is not None and note.round < unit.round:
        return
    unit.round = note.round or unit.round
    unit.error = note.error or unit.error
    if note.kind in _FINAL:
        _close(state, unit, note, at)
    elif note.kind in _HANDLERS:
        _HANDLERS[note.kind](state, unit, note, at)


def noted_status(state: FoldState, unit: UnitFold) -> StepStatus:
    """The status that the note's row shows."""
    return shown_status(state, unit)


def _close(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    finish(state, unit, _FINAL[note.kind], at)
    unit.output = None
    if isinstance(unit, StepFold) and unit.fans_out:
        close_items(state, unit, at, _PARKED.get(note.kind))
        if note.data.get("continued") is True:
            unit.output = unit.collected()


def _on_started(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    count = reading.number(note.data, "items")
    if isinstance(unit, StepFold) and count is not None:
        begin_fan_out(state, unit, count)
    begin(state, unit, StepStatus.RUNNING, at)


def _on_parked(state: FoldState, unit: UnitFold, _: Note, at: datetime) -> None:
    # It may have completed before, with an output the job has no room for.
    unit.output = unit.completed_at = unit.wake_at = unit.waiting_for = None
    if isinstance(unit, StepFold):
        unit.parked_whole = True
        close_items(state, unit, at)
    move(state, unit, StepStatus.DEAD_LETTERED)
    if unit.unit.compensates:
        state.steps[unit.unit.step].undo_error = unit.error


def _on_caught(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    complete(state, unit, note.data.get("output"), at)


def _on_completed(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    unit.started_at = unit.started_at or at
    collects = isinstance(unit, StepFold) and unit.fans_out and "output" not in note.data
    output = unit.collected() if collects and isinstance(unit, StepFold) else note.data.get("output")
    complete(state, unit, output, at)


def _on_overridden(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    finish(state, unit, StepStatus.SKIPPED, at)
    unit.output, unit.error = note.data.get("output"), None


def _on_compensated(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    complete(state, unit, note.data.get("output"), at)


def _on_compensation_failed(state: FoldState, unit: UnitFold, note: Note, at: datetime) -> None:
    """What was to be undone stays as it is, and says why."""
    finish(state, unit, StepStatus.FAILED, at)
    step = state.steps[unit.unit.step]
    target: UnitFold = step if unit.unit.index is None else step.items[unit.unit.index]
    target.error = step.error = step.undo_error = note.error or unit.error


_Handler = Callable[[FoldState, UnitFold, Note, datetime], None]
_HANDLERS: Mapping[JournalType, _Handler] = {
    JournalType.STEP_STARTED: _on_started,
    JournalType.STEP_PARKED: _on_parked,
    JournalType.STEP_CAUGHT: _on_caught,
    JournalType.STEP_COMPLETED: _on_completed,
    JournalType.STEP_WAITING: on_waiting,
    JournalType.STEP_DELIVERED: on_delivered,
    JournalType.STEP_OVERRIDDEN: _on_overridden,
    JournalType.STEP_COMPENSATED: _on_compensated,
    JournalType.STEP_COMPENSATION_FAILED: _on_compensation_failed,
}
