"""Units tried within the workflow task: one marker tells of schedule, start and end, of one unit or of a batch."""

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


def on_marker(state: FoldState, event: HistoryEvent) -> list[Row]:
    """Local tries ended. One that says nothing about its unit (it took too long here) leaves no trace."""
    if reading.text(event.data, "activity_type") == ACTIVITY_LOCAL:
        batch = reading.model(LocalResult, event.data.get("result"))
        return [row for each in (batch.tries if batch else ()) for row in _on_try(state, event, each)]
    named = unit_and_round(reading.text(event.data, "activity_id") or "")
    if named is None:
        return []
    id_, round_ = named
    type_ = reading.text(event.data, "activity_type") or ""
    failure = reading.mapping(event.data, "failure")
    if failure:
        ended = read_failure(failure, state.step(id_.step, type_).of_unit(id_))
        return _failed(state, event, id_, round_, type_, ended)
    result = reading.model(StepResult, event.data.get("result")) or StepResult(output=event.data.get("result"))
    return _completed(state, event, id_, round_, type_, result)


def _on_try(state: FoldState, event: HistoryEvent, made: LocalTry) -> list[Row]:
    """One try of a batch."""
    named = unit_and_round(made.id)
    if named is None:
        return []
    id_, round_ = named
    type_ = state.step(id_.step).of_unit(id_).type
    ledger = AttemptLedger(count=1, first=[made.record])
    if made.record.error is None:
        return _completed(state, event, id_, round_, type_, StepResult(output=made.output, ledger=ledger))
    ended = Ended(made.record.outcome or AttemptOutcome.FAILED, made.record.error, ledger)
    return _failed(state, event, id_, round_, type_, ended)


def _failed(  # noqa: PLR0917  what is known of a try
    state: FoldState, event: HistoryEvent, id_: UnitId, round_: int, type_: str, ended: Ended
) -> list[Row]:
    if ended.error.code in NOT_COUNTED:
        return []
    rows = _begin(state, event, id_, round_, type_, ended.ledger, ended)
    unit = unit_of(state, id_)
    if ended.outcome is AttemptOutcome.CANCELED:
        finish(state, unit, StepStatus.CANCELED, event.at)
        local = OpenActivity(id_, round_, attempt=1)
        return [*rows, closing_row(JournalType.STEP_CANCELED, event, unit, local, AttemptOutcome.CANCELED)]
    unit.error = ended.error
    return rows


def _completed(  # noqa: PLR0917  likewise
    state: FoldState, event: HistoryEvent, id_: UnitId, round_: int, type_: str, result: StepResult
) -> list[Row]:
    rows = _begin(state, event, id_, round_, type_, result.ledger, None)
    unit = unit_of(state, id_)
    told = complete(state, unit, result.output, event.at)
    local = OpenActivity(id_, round_, attempt=1)
    status = shown_status(state, unit)
    return [*rows, closing_row(told, event, unit, local, AttemptOutcome.COMPLETED, status=status)]


def _begin(  # noqa: PLR0917  likewise
    state: FoldState,
    event: HistoryEvent,
    id_: UnitId,
    round_: int,
    type_: str,
    ledger: AttemptLedger,
    ended: Ended | None,
) -> list[Row]:
    unit = unit_of(state, id_, type_)
    record = ledger.records[0] if ledger.records else None
    began = (record.started_at if record else None) or event.at
    unit.round = max(unit.round, round_)
    begin(state, unit, StepStatus.RUNNING, began)
    worker = record.worker if record else None
    local = OpenActivity(id_, round_, attempt=1, worker=worker, started_at=began)
    data = {"round": round_, "local": True}
    return [
        unit_row(JournalType.STEP_SCHEDULED, event.at, unit, data={**data, "type": type_}),
        unit_row(JournalType.STEP_STARTED, event.at, unit, attempt=1, data={**data, "worker": worker}),
        *take_attempts(state, event, local, ended, ledger),
    ]
