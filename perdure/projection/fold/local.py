"""A unit tried within the workflow task: one marker tells of its schedule, its start and its end."""

from perdure.contract.identifier import UnitId
from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger
from perdure.contract.local_first import NOT_COUNTED
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
    """A local try ended. One that says nothing about the unit (it took too long here) leaves no trace."""
    named = unit_and_round(reading.text(event.data, "activity_id") or "")
    if named is None:
        return []
    failure = reading.mapping(event.data, "failure")
    if not failure:
        return _completed(state, event, *named)
    id_, round_ = named
    step = state.step(id_.step, reading.text(event.data, "activity_type") or "")
    ended = read_failure(failure, step.of_unit(id_))
    if ended.error.code in NOT_COUNTED:
        return []
    rows = _begin(state, event, id_, round_=round_, ledger=ended.ledger, ended=ended)
    unit = unit_of(state, id_)
    if ended.outcome is AttemptOutcome.CANCELED:
        finish(state, unit, StepStatus.CANCELED, event.at)
        local = OpenActivity(id_, round_, attempt=1)
        return [*rows, closing_row(JournalType.STEP_CANCELED, event, unit, local, AttemptOutcome.CANCELED)]
    unit.error = ended.error
    return rows


def _completed(state: FoldState, event: HistoryEvent, id_: UnitId, round_: int) -> list[Row]:
    result = reading.model(StepResult, event.data.get("result")) or StepResult(output=event.data.get("result"))
    rows = _begin(state, event, id_, round_=round_, ledger=result.ledger, ended=None)
    unit = unit_of(state, id_)
    told = complete(state, unit, result.output, event.at)
    local = OpenActivity(id_, round_, attempt=1)
    status = shown_status(state, unit)
    return [*rows, closing_row(told, event, unit, local, AttemptOutcome.COMPLETED, status=status)]


def _begin(
    state: FoldState, event: HistoryEvent, id_: UnitId, *, round_: int, ledger: AttemptLedger, ended: Ended | None
) -> list[Row]:
    type_ = reading.text(event.data, "activity_type") or ""
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
