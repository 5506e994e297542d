"""WORKFLOW_PROPERTIES_MODIFIED: the decisions that the workflow noted, each a journal row of its own."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from perdure.contract.journal import JournalType
from perdure.contract.name import COMMAND_RETRY
from perdure.contract.note import Note
from perdure.contract.state import Resolution, StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState, StepFold
from perdure.projection.history import HistoryEvent

_FINAL = {
    JournalType.STEP_SKIPPED: StepStatus.SKIPPED,
    JournalType.STEP_OMITTED: StepStatus.OMITTED,
    JournalType.STEP_CANCELED: StepStatus.CANCELED,
    JournalType.STEP_FAILED: StepStatus.FAILED,
}


def on_properties_modified(state: FoldState, event: HistoryEvent) -> list[Row]:
    """All notes of one activation, in the order the workflow took the decisions."""
    batch = reading.mapping(event.data, "notes")
    written = reading.number(batch, "n")
    state.note_count = state.note_count if written is None else written
    notes = [reading.model(Note, value) for value in reading.items(batch, "e")]
    return [_apply(state, note, event.at) for note in notes if note is not None]


def _apply(state: FoldState, note: Note, at: datetime) -> Row:
    step = state.step(note.step) if note.step else None
    if step is not None:
        _decide(state, step, note, at)
    elif note.kind in _ABOUT_JOB:
        _ABOUT_JOB[note.kind](state, note)
    return Row(
        note.kind,
        at,
        actor=note.actor or _sender(state, note),
        step_id=note.step,
        status=step.status if step else state.status,
        data=_facts(note),
    )


def _decide(state: FoldState, step: StepFold, note: Note, at: datetime) -> None:
    if note.round is not None and note.round < step.round:
        return  # about a round that has been followed by another since
    step.round = note.round or step.round
    step.error = note.error or step.error
    if note.kind is JournalType.STEP_PARKED:
        # It may have completed before, with an output the job has no room for.
        state.move(step, StepStatus.DEAD_LETTERED)
        step.output = step.completed_at = step.wake_at = None
    elif note.kind in _FINAL:
        state.finish(step, _FINAL[note.kind], at)
        step.output = None


def _on_retry(state: FoldState, note: Note) -> None:
    for step_id, round_ in reading.mapping(note.data, "rounds").items():
        step = state.steps.get(step_id)
        if step is None or not isinstance(round_, int) or round_ <= step.round:
            continue
        step.round = round_
        if step.status is StepStatus.DEAD_LETTERED:
            state.move(step, StepStatus.PENDING)
            step.error = step.started_at = step.completed_at = None


def _on_discarded(state: FoldState, note: Note) -> None:
    said = reading.text(note.data, "resolution")
    state.resolution = next((known for known in Resolution if known == said), None)


_ABOUT_JOB: Mapping[JournalType, Callable[[FoldState, Note], None]] = {
    JournalType.JOB_RETRY_REQUESTED: _on_retry,
    JournalType.JOB_DISCARDED: _on_discarded,
}


def _sender(state: FoldState, note: Note) -> str | None:
    via = reading.text(note.data, "via")
    name = COMMAND_RETRY if note.kind is JournalType.JOB_RETRY_REQUESTED else reading.text(note.data, "name")
    return state.identities.get((via, name)) if via and name else None


def _facts(note: Note) -> dict[str, Any]:
    facts = dict(note.data)
    if note.round is not None:
        facts["round"] = note.round
    if note.reason is not None:
        facts["reason"] = note.reason
    if note.error is not None:
        facts["error"] = note.error.model_dump(mode="json", by_alias=True)
    return facts
