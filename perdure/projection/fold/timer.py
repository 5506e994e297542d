"""Timers: a SLEEP step waits on one that carries its id. The engine's own timers mean nothing here."""

from perdure.contract.journal import JournalType
from perdure.contract.name import INTERNAL_SUMMARY_PREFIX
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState
from perdure.projection.history import HistoryEvent

_SAME_TASK = frozenset(
    {
        "TIMER_CANCELED",
        "TIMER_STARTED",
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_CANCEL_REQUESTED",
        "MARKER_RECORDED",
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "WORKFLOW_PROPERTIES_MODIFIED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
    }
)
"""Events that may stand between a timer's cancellation and the end of the workflow task that made it."""


def on_timer_started(state: FoldState, event: HistoryEvent) -> list[Row]:
    """A SLEEP step began to wait; one that an earlier run of the job began only goes on."""
    if event.summary is None or event.summary.startswith(INTERNAL_SUMMARY_PREFIX):
        return []
    step = state.step(event.summary, "SLEEP")
    state.timers[event.event_id] = step.id
    wait = reading.span(event.data, "milliseconds")
    step.wake_at = event.at + wait if wait else None
    if step.status is StepStatus.WAITING:
        return []
    state.move(step, StepStatus.WAITING)
    step.started_at = step.started_at or event.at
    step.completed_at = None
    data = {"wake_at": step.wake_at and step.wake_at.isoformat(), "round": step.round}
    return [Row(JournalType.STEP_WAITING, event.at, step_id=step.id, status=StepStatus.WAITING, data=data)]


def on_timer_fired(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The step has slept; it has no output."""
    step_id = state.timers.pop(reading.number(event.data, "started_event_id") or 0, None)
    if step_id is None:
        return []
    step = state.step(step_id)
    state.finish(step, StepStatus.COMPLETED, event.at)
    return [Row(JournalType.STEP_COMPLETED, event.at, step_id=step_id, status=StepStatus.COMPLETED)]


def on_timer_canceled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The sleep was stopped: for good, or only because the run continues as new. What follows tells."""
    step_id = state.timers.pop(reading.number(event.data, "started_event_id") or 0, None)
    if step_id is not None:
        row = Row(
            JournalType.STEP_CANCELED,
            event.at,
            step_id=step_id,
            status=StepStatus.CANCELED,
            event_id=event.event_id,
        )
        state.held.append(row)
    return []


def release_held(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The held sleeps' rows once `event` shows that they were stopped for good; called before `event` is applied."""
    if not state.held or event.type in _SAME_TASK:
        return []
    held, state.held = state.held, []
    if event.type == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW":
        return []
    for row in held:
        step = state.step(row.step_id or "")
        if not step.status.final:
            state.finish(step, StepStatus.CANCELED, row.at)
    return held
