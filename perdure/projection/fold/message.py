"""Signals, updates and cancel requests: who sent them. What a signal did, the workflow's notes say."""

from perdure.contract.journal import JournalType
from perdure.contract.name import COMMAND_CANCEL, IDENTITY_CANCEL, IDENTITY_CANCELED_BEFORE
from perdure.projection.fold import reading
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState, Request
from perdure.projection.history import HistoryEvent

SIGNAL = "signal"
UPDATE = "update"


def on_signaled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """A signal came; its sender is the actor of the note that follows, where that names none."""
    _remember(state, SIGNAL, event)
    return []


def on_update_accepted(state: FoldState, event: HistoryEvent) -> list[Row]:
    """An update was accepted; likewise."""
    _remember(state, UPDATE, event)
    return []


def on_cancel_requested(state: FoldState, event: HistoryEvent) -> list[Row]:
    """Somebody asked Temporal to cancel the job, or its parent has ended and takes it along."""
    actor, reason = reading.text(event.data, "identity"), reading.text(event.data, "cause")
    if actor == IDENTITY_CANCELED_BEFORE:
        return []
    if actor == IDENTITY_CANCEL:
        actor = state.identities.get((UPDATE, COMMAND_CANCEL))
    if parent := reading.text(event.data, "by_workflow"):
        # The server itself asks then, by a name that says nothing to anybody.
        actor, reason = None, f"its parent {parent} ended"
    state.cancel = Request(actor, reason)
    state.pause = None
    data = {"reason": reason} if reason else {}
    return [Row(JournalType.JOB_CANCEL_REQUESTED, event.at, actor=actor, data=data)]


def _remember(state: FoldState, kind: str, event: HistoryEvent) -> None:
    name, identity = reading.text(event.data, "name"), reading.text(event.data, "identity")
    if name and identity:
        state.identities[kind, name] = identity
