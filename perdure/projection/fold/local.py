"""Units tried within the workflow task: one marker tells of schedule, start and end, of one unit or of a batch."""

from dataclasses import dataclass
from typing import Any

from perdure.contract.identifier import UnitId
from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger
from perdure.contract.local_first import NOT_COUNTED, LocalResult, LocalTry
from perdure.contract.name import ACTIVITY_LOCAL
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.contract.step_call import StepResult
from perdure.projection.fold import reading
from perdure.projection.fold.activity import closing_row, shown_status, unit_and_round
from perdure.projection.fold.change import begin, complete, finish, unit_of
from perdure.projection.fold.failure import Ended, read_failure
from perdure.projection.fold.round import take_attempts
from perdure.projection.fold.row import Row, unit_row
from perdure.projection.fold.state import FoldState, OpenActivity
from perdure.projection.history import HistoryEvent


@dataclass(frozen=True, slots=True)
class _Tried:
    """One try: of which unit, of which of its rounds, and what the worker told of it."""

    unit: UnitId
    round: int
    type: str
    ledger: AttemptLedger

    @property
    def activity(self) -> OpenActivity:
        """As if it had been an activity."""
        return OpenActivity(self.unit, self.round, attempt=1)


def on_marker(state: FoldState, event: HistoryEvent) -> list[Row]:
    """Local tries ended. One that says nothing about its unit (it took too long here) leaves no trace."""
    type_ = reading.text(event.data, "activity_type") or ""
    if type_ == ACTIVITY_LOCAL:
        batch = reading.model(LocalResult, event.data.get("result"))
        return [row for made in (batch.tries if batch else ()) for row in _on_one_of_a_batch(state, event, made)]
    named = unit_and_round(reading.text(event.data, "activity_id") or "")
    if named is None:
        return []
    failure = reading.mapping(event.data, "failure")
    if failure:
        ended = read_failure(failure, state.step(named[0].step, type_).of_unit(named[0]))
        return _failed(state, event, _Tried(*named, type_, ended.ledger), ended)
    result = reading.model(StepResult, event.data.get("result")) or StepResult(output=event.data.get("result"))
    return _completed(state, event, _Tried(*named, type_, result.ledger), result.output)


def _on_one_of_a_batch(state: FoldState, event: HistoryEvent, made: LocalTry) -> list[Row]:
    named = unit_and_round(made.id)
    if named is None:
        return []
    type_ = state.step(named[0].step).of_unit(named[0]).type
    tried = _Tried(*named, type_, AttemptLedger(count=1, first=[made.record]))
    if made.record.error is None:
        return _completed(state, event, tried, made.output)
    outcome = made.record.outcome or AttemptOutcome.FAILED
    return _failed(state, event, tried, Ended(outcome, made.record.error, tried.ledger))


def _failed(state: FoldState, event: HistoryEvent, tried: _Tried, ended: Ended) -> list[Row]:
    if ended.error.code in NOT_COUNTED:
        return []
    rows = _begin(state, event, tried, ended)
    unit = unit_of(state, tried.unit)
    if ended.outcome is AttemptOutcome.CANCELED:
        finish(state, unit, StepStatus.CANCELED, event.at)
        return [*rows, closing_row(JournalType.STEP_CANCELED, event, unit, tried.activity, AttemptOutcome.CANCELED)]
    unit.error = ended.error
    return rows


def _completed(state: FoldState, event: HistoryEvent, tried: _Tried, output: Any) -> list[Row]:
    rows = _begin(state, event, tried, None)
    unit = unit_of(state, tried.unit)
    told = complete(state, unit, output, event.at)
    status = shown_status(state, unit)
    return [*rows, closing_row(told, event, unit, tried.activity, AttemptOutcome.COMPLETED, status=status)]


def _begin(state: FoldState, event: HistoryEvent, tried: _Tried, ended: Ended | None) -> list[Row]:
    unit = unit_of(state, tried.unit, tried.type)
    record = tried.ledger.records[0] if tried.ledger.records else None
    began = (record.started_at if record else None) or event.at
    unit.round = max(unit.round, tried.round)
    begin(state, unit, StepStatus.RUNNING, began)
    worker = record.worker if record else None
    local = OpenActivity(tried.unit, tried.round, attempt=1, worker=worker, started_at=began)
    data = {"round": tried.round, "local": True}
    return [
        unit_row(JournalType.STEP_SCHEDULED, event.at, unit, data={**data, "type": tried.type}),
        unit_row(JournalType.STEP_STARTED, event.at, unit, attempt=1, data={**data, "worker": worker}),
        *take_attempts(state, event, local, ended, tried.ledger),
    ]
