"""A unit's activity: scheduled, started, closed. Its attempts become known with the event that closes it."""

import re

from perdure.contract.identifier import UnitId, parse_unit_id
from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger
from perdure.contract.name import INTERNAL_SUMMARY_PREFIX
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.contract.step_call import StepResult
from perdure.projection.fold import reading
from perdure.projection.fold.change import begin, complete, finish, unit_of
from perdure.projection.fold.failure import Ended, canceled, read_failure
from perdure.projection.fold.round import take_attempts
from perdure.projection.fold.row import Row, unit_row
from perdure.projection.fold.state import FoldState, OpenActivity
from perdure.projection.fold.unit import UnitFold
from perdure.projection.history import UNDECODABLE, HistoryEvent

_ACTIVITY_ID = re.compile(r"(?P<unit>.+?)(?:\.r(?P<round>[0-9]{1,9}))?", re.ASCII)


def unit_named(text: str) -> UnitId:
    """The unit that a summary or an activity id without its round names; any other text is taken for a step."""
    return parse_unit_id(text) or UnitId(text)


def unit_and_round(activity_id: str) -> tuple[UnitId, int] | None:
    """What an activity id names: `fetch.7.r2` is round 2 of item 7. None for the engine's own activities."""
    found = _ACTIVITY_ID.fullmatch(activity_id)
    if found is None or activity_id.startswith(INTERNAL_SUMMARY_PREFIX):
        return None
    return unit_named(found["unit"]), int(found["round"] or 1)


def on_scheduled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """A round of a unit began, or goes on with another activity."""
    named = unit_and_round(reading.text(event.data, "activity_id") or "")
    if named is None:
        return []
    type_ = reading.text(event.data, "activity_type") or ""
    id_, round_ = named
    unit = unit_of(state, id_, type_)
    limit = reading.span(event.data, "start_to_close_ms")
    before = unit.told.get(round_, 0)
    state.activities[event.event_id] = OpenActivity(id_, round_, start_to_close=limit, made_before=before)
    unit.round = max(unit.round, round_)
    begin(state, unit, StepStatus.RUNNING, event.at)
    return [unit_row(JournalType.STEP_SCHEDULED, event.at, unit, data={"round": round_, "type": type_})]


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
    unit = unit_of(state, activity.unit)
    return [unit_row(JournalType.STEP_STARTED, event.at, unit, attempt=activity.attempt, data=data)]


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
    unit = unit_of(state, activity.unit)
    told = JournalType.STEP_COMPENSATED if unit.unit.compensates else JournalType.STEP_COMPLETED
    if unit.round == activity.round:
        told = complete(state, unit, result.output, event.at)
    status = shown_status(state, unit)
    return [*rows, closing_row(told, event, unit, activity, AttemptOutcome.COMPLETED, status=status)]


def on_failed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The round failed, timed out, or was stopped; the workflow's note says what becomes of a failed unit."""
    activity = _take(state, event)
    if activity is None:
        return []
    unit = unit_of(state, activity.unit)
    ended = read_failure(reading.mapping(event.data, "failure"), state.step(unit.unit.step).of_unit(unit.unit))
    rows = take_attempts(state, event, activity, ended, ended.ledger)
    if ended.outcome is AttemptOutcome.CANCELED:
        return [*rows, _cancel(state, event, unit, activity)]
    if unit.round == activity.round and not unit.status.final:
        unit.error = ended.error
    return rows


def on_canceled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The round was stopped between attempts, or by a worker that left no ledger."""
    activity = _take(state, event)
    if activity is None:
        return []
    unit = unit_of(state, activity.unit)
    terms = state.step(unit.unit.step).of_unit(unit.unit)
    ended = Ended(AttemptOutcome.CANCELED, canceled(terms), AttemptLedger())
    rows = take_attempts(state, event, activity, ended, ended.ledger)
    return [*rows, _cancel(state, event, unit, activity)]


def _take(state: FoldState, event: HistoryEvent) -> OpenActivity | None:
    return state.activities.pop(reading.number(event.data, "scheduled_event_id") or 0, None)


def _cancel(state: FoldState, event: HistoryEvent, unit: UnitFold, activity: OpenActivity) -> Row:
    if unit.round == activity.round and not unit.status.final:
        finish(state, unit, StepStatus.CANCELED, event.at)
    return closing_row(JournalType.STEP_CANCELED, event, unit, activity, AttemptOutcome.CANCELED)


def closing_row(
    type_: JournalType,
    event: HistoryEvent,
    unit: UnitFold,
    activity: OpenActivity,
    outcome: AttemptOutcome,
    *,
    status: StepStatus | None = None,
) -> Row:
    """The row that ends a round of a unit, with the status it has now where none is given."""
    data = {"round": activity.round, "attempts": unit.tried.get(activity.round, 0)}
    return unit_row(type_, event.at, unit, status=status, attempt=activity.attempt, outcome=outcome, data=data)


def shown_status(state: FoldState, unit: UnitFold) -> StepStatus:
    """The status a row about the unit shows: of a compensation that has done its work, that of what it undid."""
    if not (unit.unit.compensates and unit.status is StepStatus.COMPLETED):
        return unit.status
    step = state.steps[unit.unit.step]
    return step.status if unit.unit.index is None else step.items[unit.unit.index].status
