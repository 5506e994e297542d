"""WORKFLOW_PROPERTIES_MODIFIED: the decisions that the workflow noted, each a journal row of its own."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from perdure.contract import name
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import Resolution
from perdure.projection.fold import reading
from perdure.projection.fold.activity import unit_named
from perdure.projection.fold.change import unit_of
from perdure.projection.fold.decision import on_retry
from perdure.projection.fold.row import Row, place
from perdure.projection.fold.state import FoldState, Request
from perdure.projection.fold.unit_note import decide, noted_status
from perdure.projection.history import HistoryEvent

_COMMANDS = {
    JournalType.JOB_RETRY_REQUESTED: name.COMMAND_RETRY,
    JournalType.JOB_PAUSED: name.COMMAND_PAUSE,
    JournalType.JOB_RESUMED: name.COMMAND_RESUME,
    JournalType.JOB_DISCARDED: name.COMMAND_DISCARD,
    JournalType.STEP_OVERRIDDEN: name.COMMAND_SKIP,
    JournalType.STEP_ATTEMPTED_NOW: name.COMMAND_RETRY_NOW,
    JournalType.STEP_GIVEN_UP: name.COMMAND_GIVE_UP,
}
"""The command that a note answers; where another, the note's data name it."""


def on_properties_modified(state: FoldState, event: HistoryEvent) -> list[Row]:
    """All notes of one activation, in the order the workflow took the decisions."""
    batch = reading.mapping(event.data, "notes")
    written = reading.number(batch, "n")
    state.note_count = state.note_count if written is None else written
    notes = [reading.model(Note, value) for value in reading.items(batch, "e")]
    return [_apply(state, note, event.at) for note in notes if note is not None]


def _apply(state: FoldState, note: Note, at: datetime) -> Row:
    note = note if note.actor else note.model_copy(update={"actor": _sender(state, note)})
    if not note.step:
        if note.kind in _ABOUT_JOB:
            _ABOUT_JOB[note.kind](state, note)
        return Row(note.kind, at, actor=note.actor, status=state.status, data=_facts(note))
    id_ = unit_named(note.step)
    unit = unit_of(state, id_)
    decide(state, unit, note, at)
    facts = {**place(id_), **_facts(note)}
    return Row(note.kind, at, actor=note.actor, step_id=id_.step, status=noted_status(state, unit), data=facts)


def _on_paused(state: FoldState, note: Note) -> None:
    state.pause = Request(note.actor, note.reason)


def _on_resumed(state: FoldState, _: Note) -> None:
    state.pause = None


def _on_discarded(state: FoldState, note: Note) -> None:
    state.pause = None
    said = reading.text(note.data, "resolution")
    state.resolution = next((known for known in Resolution if known == said), None)


_ABOUT_JOB: Mapping[JournalType, Callable[[FoldState, Note], None]] = {
    JournalType.JOB_RETRY_REQUESTED: on_retry,
    JournalType.JOB_DISCARDED: _on_discarded,
    JournalType.JOB_PAUSED: _on_paused,
    JournalType.JOB_RESUMED: _on_resumed,
}


def _sender(state: FoldState, note: Note) -> str | None:
    via = reading.text(note.data, "via")
    return state.identities.get((via, command)) if via and (command := _command(note)) else None


def _command(note: Note) -> str | None:
    if note.kind is JournalType.STEP_DELIVERED:
        return name.COMMAND_APPROVE if "decision" in note.data else name.COMMAND_DELIVER
    return _COMMANDS.get(note.kind) or reading.text(note.data, "name")


def _facts(note: Note) -> dict[str, Any]:
    facts = dict(note.data)
    if note.round is not None:
        facts["round"] = note.round
    if note.reason is not None:
        facts["reason"] = note.reason
    if note.error is not None:
        facts["error"] = note.error.model_dump(mode="json", by_alias=True)
    return facts
