"""Timers: a SLEEP waits on one that carries its unit's id, the job's start on one of its own; others mean nothing."""

from perdure.contract.journal import JournalType
from perdure.contract.name import INTERNAL_SUMMARY_PREFIX, TIMER_START
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.activity import shown_status, unit_named
from perdure.projection.fold.backoff import on_backoff_over, on_backoff_started
from perdure.projection.fold.change import begin, complete, finish, unit_of
from perdure.projection.fold.row import Row, unit_row
from perdure.projection.fold.state import FoldState
from perdure.projection.history import HistoryEvent

_SAME_TASK = frozenset(
    {
        "TIMER_CANCELED",
        "TIMER_STARTED",
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_CANCEL_REQUESTED",
        "MARKER_RECORDED",
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "WORKFLOW_PROPERTIES_MODIFIED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
    }
)
"""Events that may stand between a timer's cancellation and the end of the workflow task that made it."""


def on_timer_started(state: FoldState, event: HistoryEvent) -> list[Row]:
    """A SLEEP began to wait; one that an earlier run of the job began only goes on."""
    if event.summary == TIMER_START:
        state.start_timer = event.event_id
    on_backoff_started(state, event)
    if event.summary is None or event.summary.startswith(INTERNAL_SUMMARY_PREFIX):
        return []
    unit = unit_of(state, unit_named(event.summary), "SLEEP")
    state.timers[event.event_id] = unit.unit
    wait = reading.span(event.data, "milliseconds")
    unit.wake_at = event.at + wait if wait else None
    if unit.status is StepStatus.WAITING:
        return []
    begin(state, unit, StepStatus.WAITING, event.at)
    data = {"wake_at": unit.wake_at and unit.wake_at.isoformat(), "round": unit.round}
    return [unit_row(JournalType.STEP_WAITING, event.at, unit, data=data)]


def on_timer_fired(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The unit has slept, and has no output; or the time has come for the job to start."""
    on_backoff_over(state, event)
    started = reading.number(event.data, "started_event_id") or 0
    if started == state.start_timer and state.started_at is None:
        state.started_at = event.at
        return [Row(JournalType.JOB_STARTED, event.at)]
    id_ = state.timers.pop(started, None)
    if id_ is None:
        return []
    unit = unit_of(state, id_)
    told = complete(state, unit, None, event.at)
    return [unit_row(told, event.at, unit, status=shown_status(state, unit))]


def on_timer_canceled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The sleep was stopped: for good, or only because the run continues as new. What follows tells."""
    on_backoff_over(state, event)
    id_ = state.timers.pop(reading.number(event.data, "started_event_id") or 0, None)
    if id_ is not None:
        unit = unit_of(state, id_)
        row = unit_row(JournalType.STEP_CANCELED, event.at, unit, status=StepStatus.CANCELED, event_id=event.event_id)
        state.held.append((id_, row))
    return []


def release_held(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The held sleeps' rows once `event` shows that they were stopped for good; called before `event` is applied."""
    if not state.held or event.type in _SAME_TASK:
        return []
    held, state.held = state.held, []
    if event.type == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW":
        return []
    for id_, row in held:
        unit = unit_of(state, id_)
        if not unit.status.final:
            finish(state, unit, StepStatus.CANCELED, row.at)
    return [row for _, row in held]
