"""A step's activity: scheduled, started, closed. Its attempts become known with the event that closes it."""

import re
from typing import Any

from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger
from perdure.contract.name import INTERNAL_SUMMARY_PREFIX
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.contract.step_call import StepResult
from perdure.projection.fold import reading
from perdure.projection.fold.failure import Ended, canceled, read_failure
from perdure.projection.fold.round import take_attempts
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState, OpenActivity, StepFold
from perdure.projection.history import UNDECODABLE, HistoryEvent

_ACTIVITY_ID = re.compile(r"(?P<step>.+?)(?:\.r(?P<round>[0-9]{1,9}))?", re.ASCII)


def step_and_round(activity_id: str) -> tuple[str, int] | None:
    """What an activity id names: `fetch.r2` is round 2 of `fetch`. None for the engine's own activities."""
    found = _ACTIVITY_ID.fullmatch(activity_id)
    if found is None or activity_id.startswith(INTERNAL_SUMMARY_PREFIX):
        return None
    return found["step"], int(found["round"] or 1)


def on_scheduled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """A round of a step began."""
    named = step_and_round(reading.text(event.data, "activity_id") or "")
    if named is None:
        return []
    step_id, round_ = named
    step = state.step(step_id, reading.text(event.data, "activity_type") or "")
    limit = reading.span(event.data, "start_to_close_ms")
    state.activities[event.event_id] = OpenActivity(
        step_id, round_, start_to_close=limit, made_before=step.local.get(round_, 0)
    )
    step.round = max(step.round, round_)
    step.started_at = step.started_at or event.at
    step.completed_at = step.error = None
    state.move(step, StepStatus.RUNNING)
    return [step_row(JournalType.STEP_SCHEDULED, event, step, data={"round": round_, "type": step.terms.type})]


def on_started(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The attempt that closes the activity: Temporal writes this event only then."""
    activity = state.activities.get(reading.number(event.data, "scheduled_event_id") or 0)
    if activity is None:
        return []
    activity.attempt = activity.made_before + (reading.number(event.data, "attempt") or 1)
    activity.worker = reading.text(event.data, "identity")
    activity.started_at = event.at
    activity.last_failure = event.data.get("last_failure")
    data = {"round": activity.round, "worker": activity.worker}
    step = state.step(activity.step_id)
    return [step_row(JournalType.STEP_STARTED, event, step, attempt=activity.attempt, data=data)]


def on_completed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The round gave an output."""
    activity = _take(state, event)
    if activity is None:
        return []
    value = event.data.get("result")
    result = reading.model(StepResult, value)
    if result is None or UNDECODABLE in reading.mapping(event.data, "result"):
        result = StepResult(output=value)
    rows = take_attempts(state, event, activity, None, result.ledger)
    step = state.step(activity.step_id)
    if step.round == activity.round:
        state.finish(step, StepStatus.COMPLETED, event.at)
        step.output = result.output
        step.error = None
    return [*rows, closing_row(JournalType.STEP_COMPLETED, event, step, activity, AttemptOutcome.COMPLETED)]


def on_failed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The round failed, timed out, or was stopped; the workflow's note says what becomes of a failed step."""
    activity = _take(state, event)
    if activity is None:
        return []
    step = state.step(activity.step_id)
    ended = read_failure(reading.mapping(event.data, "failure"), step.terms)
    rows = take_attempts(state, event, activity, ended, ended.ledger)
    if ended.outcome is AttemptOutcome.CANCELED:
        return [*rows, _cancel(state, event, step, activity)]
    if step.round == activity.round and not step.status.final:
        step.error = ended.error
    return rows


def on_canceled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The round was stopped between attempts, or by a worker that left no ledger."""
    activity = _take(state, event)
    if activity is None:
        return []
    step = state.step(activity.step_id)
    ended = Ended(AttemptOutcome.CANCELED, canceled(step.terms), AttemptLedger())
    rows = take_attempts(state, event, activity, ended, ended.ledger)
    return [*rows, _cancel(state, event, step, activity)]


def _take(state: FoldState, event: HistoryEvent) -> OpenActivity | None:
    return state.activities.pop(reading.number(event.data, "scheduled_event_id") or 0, None)


def _cancel(state: FoldState, event: HistoryEvent, step: StepFold, activity: OpenActivity) -> Row:
    if step.round == activity.round and not step.status.final:
        state.finish(step, StepStatus.CANCELED, event.at)
    return closing_row(JournalType.STEP_CANCELED, event, step, activity, AttemptOutcome.CANCELED)


def closing_row(
    type_: JournalType, event: HistoryEvent, step: StepFold, activity: OpenActivity, outcome: AttemptOutcome
) -> Row:
    """The row that ends a round of a step."""
    attempts = step.tried.get(activity.round, 0)
    data = {"round": activity.round, "attempts": attempts}
    return step_row(type_, event, step, attempt=activity.attempt, outcome=outcome, data=data)


def step_row(
    type_: JournalType,
    event: HistoryEvent,
    step: StepFold,
    *,
    attempt: int | None = None,
    outcome: AttemptOutcome | None = None,
    data: dict[str, Any],
) -> Row:
    """A row about a step, with the status it has now."""
    return Row(type_, event.at, step_id=step.id, attempt=attempt, status=step.status, outcome=outcome, data=data)
