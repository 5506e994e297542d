"""Applies decoded history events to the state of a run: the table of handlers, and nothing else."""

from collections.abc import Callable, Iterable, Mapping

from perdure.projection.fold import activity, child, close, local, message, note, task, timer
from perdure.projection.fold.row import Row
from perdure.projection.fold.start import on_started
from perdure.projection.fold.state import FoldState
from perdure.projection.history import HistoryEvent
from perdure.projection.record import JournalEvent

Handler = Callable[[FoldState, HistoryEvent], list[Row]]

_HANDLERS: Mapping[str, Handler] = {
    "WORKFLOW_EXECUTION_STARTED": on_started,
    "WORKFLOW_EXECUTION_COMPLETED": close.on_completed,
    "WORKFLOW_EXECUTION_FAILED": close.on_failed,
    "WORKFLOW_EXECUTION_CANCELED": close.on_canceled,
    "WORKFLOW_EXECUTION_TIMED_OUT": close.on_timed_out,
    "WORKFLOW_EXECUTION_TERMINATED": close.on_terminated,
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": close.on_continued,
    "WORKFLOW_EXECUTION_CANCEL_REQUESTED": message.on_cancel_requested,
    "WORKFLOW_EXECUTION_SIGNALED": message.on_signaled,
    "WORKFLOW_EXECUTION_UPDATE_ACCEPTED": message.on_update_accepted,
    "WORKFLOW_TASK_STARTED": task.on_task_started,
    "WORKFLOW_TASK_COMPLETED": task.on_task_completed,
    "WORKFLOW_TASK_FAILED": task.on_task_failed,
    "ACTIVITY_TASK_SCHEDULED": activity.on_scheduled,
    "ACTIVITY_TASK_STARTED": activity.on_started,
    "ACTIVITY_TASK_COMPLETED": activity.on_completed,
    "ACTIVITY_TASK_FAILED": activity.on_failed,
    "ACTIVITY_TASK_TIMED_OUT": activity.on_failed,
    "ACTIVITY_TASK_CANCELED": activity.on_canceled,
    "MARKER_RECORDED": local.on_marker,
    "TIMER_STARTED": timer.on_timer_started,
    "TIMER_FIRED": timer.on_timer_fired,
    "TIMER_CANCELED": timer.on_timer_canceled,
    "CHILD_WORKFLOW_EXECUTION_STARTED": child.on_child_started,
    "CHILD_WORKFLOW_EXECUTION_COMPLETED": child.on_child_closed,
    "CHILD_WORKFLOW_EXECUTION_FAILED": child.on_child_closed,
    "CHILD_WORKFLOW_EXECUTION_CANCELED": child.on_child_closed,
    "CHILD_WORKFLOW_EXECUTION_TIMED_OUT": child.on_child_closed,
    "CHILD_WORKFLOW_EXECUTION_TERMINATED": child.on_child_closed,
    "WORKFLOW_PROPERTIES_MODIFIED": note.on_properties_modified,
}


def start(job_id: str, run_id: str) -> FoldState:
    """The state of a run of which no event was applied yet."""
    return FoldState(job_id=job_id, run_id=run_id)


def apply(state: FoldState, event: HistoryEvent) -> list[JournalEvent]:
    """Move `state` on by the next event of its run; the journal rows that follow from it.

    The same events give the same rows and the same state, in whatever portions they come. An event that
    was applied before changes nothing. A type that is not known only moves `last_event_id`.
    """
    if event.event_id <= state.last_event_id:
        return []
    state.applying, state.applying_at = event.event_id, event.at
    rows = timer.release_held(state, event)
    handler = _HANDLERS.get(event.type)
    if handler is not None:
        rows = rows + handler(state, event)
    state.last_event_id = event.event_id
    return [] if state.copied else _journal(state, event, rows)


def fold_run(job_id: str, run_id: str, events: Iterable[HistoryEvent]) -> tuple[FoldState, list[JournalEvent]]:
    """A whole run from its first event: its state, and its journal in order."""
    state = start(job_id, run_id)
    journal = [row for event in events for row in apply(state, event)]
    return state, journal


def _journal(state: FoldState, event: HistoryEvent, rows: list[Row]) -> list[JournalEvent]:
    ordinals: dict[int, int] = {}
    found = []
    for row in rows:
        event_id = row.event_id or event.event_id
        ordinal = ordinals.get(event_id, 0)
        ordinals[event_id] = ordinal + 1
        found.append(
            JournalEvent(
                job_id=state.job_id,
                parent_job_id=state.parent_id,
                run_id=state.run_id,
                run_started_at=state.run_started_at or event.at,
                event_id=event_id,
                ordinal=ordinal,
                type=row.type,
                at=row.at,
                actor=row.actor,
                step_id=row.step_id,
                attempt=row.attempt,
                status=row.status or state.status,
                outcome=row.outcome,
                trace_id=state.trace_id,
                data=row.data,
            )
        )
    return found
