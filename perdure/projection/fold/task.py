"""Workflow tasks: the job's start, what wedges it, and the reset, which shows as a failed task."""

from perdure.contract.journal import JournalType
from perdure.projection.fold import reading
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState
from perdure.projection.history import HistoryEvent

RESET = "RESET_WORKFLOW"
_HARMLESS = frozenset(
    {
        "UNHANDLED_COMMAND",
        "UNHANDLED_UPDATE",
        "RESET_STICKY_TASK_QUEUE",
        "FORCE_CLOSE_COMMAND",
        "FAILOVER_CLOSE_COMMAND",
    }
)
"""Causes that belong to the normal course: something new arrived while the task ran."""


def on_task_started(state: FoldState, event: HistoryEvent) -> list[Row]:
    """A worker took a workflow task; it counts once it completes."""
    state.task_started_at = event.at
    return []


def on_task_completed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The first one started the job, at the time that task began; before `start_at` it starts a timer instead."""
    state.problem = None
    if state.started_at is not None:
        return []
    begun, told = state.task_started_at or event.at, state.scheduled or not state.continued_from
    if state.start_at is not None and begun < state.start_at:
        return []
    state.started_at = begun
    return [Row(JournalType.JOB_STARTED, begun)] if told else []


def on_task_failed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The task will be tried again, for ever if need be; or the run is the copy that a reset made."""
    cause = reading.text(event.data, "cause")
    if cause == RESET:
        return _on_reset(state, event)
    if cause not in _HARMLESS:
        message = reading.text(event.data, "message")
        state.problem = f"{cause}: {message}" if message else cause
    return []


def _on_reset(state: FoldState, event: HistoryEvent) -> list[Row]:
    if reading.text(event.data, "new_run_id") not in (None, state.run_id):
        return []  # copied: the run this one was made from was itself made by a reset
    state.copied = False
    state.problem = None
    state.run_started_at = event.at
    if not state.scheduled:
        # The job started once, in the base run, even where the reset goes back to its first task.
        state.started_at = state.started_at or state.task_started_at or event.at
    facts = {"base_run_id": reading.text(event.data, "base_run_id"), "reason": reading.text(event.data, "message")}
    return [Row(JournalType.JOB_RESET, event.at, actor=reading.text(event.data, "identity"), data=facts)]
