"""A step tried within the workflow task: one marker tells of its schedule, its start and its end."""

from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger
from perdure.contract.local_first import NOT_COUNTED
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.contract.step_call import StepResult
from perdure.projection.fold import reading
from perdure.projection.fold.activity import closing_row, step_and_round, step_row
from perdure.projection.fold.failure import Ended, read_failure
from perdure.projection.fold.round import take_attempts
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState, OpenActivity, StepFold
from perdure.projection.history import HistoryEvent


def on_marker(state: FoldState, event: HistoryEvent) -> list[Row]:
    """A local try ended. One that says nothing about the step (it took too long here) leaves no trace."""
    named = step_and_round(reading.text(event.data, "activity_id") or "")
    if named is None:
        return []
    step = state.step(named[0], reading.text(event.data, "activity_type") or "")
    failure = reading.mapping(event.data, "failure")
    if not failure:
        result = reading.model(StepResult, event.data.get("result")) or StepResult(output=event.data.get("result"))
        rows = _begin(state, event, step, round_=named[1], ledger=result.ledger, ended=None)
        state.finish(step, StepStatus.COMPLETED, event.at)
        step.output, step.error = result.output, None
        return [*rows, _end(JournalType.STEP_COMPLETED, event, step, named[1], AttemptOutcome.COMPLETED)]
    ended = read_failure(failure, step.terms)
    if ended.error.code in NOT_COUNTED:
        return []
    rows = _begin(state, event, step, round_=named[1], ledger=ended.ledger, ended=ended)
    if ended.outcome is AttemptOutcome.CANCELED:
        state.finish(step, StepStatus.CANCELED, event.at)
        return [*rows, _end(JournalType.STEP_CANCELED, event, step, named[1], AttemptOutcome.CANCELED)]
    step.error = ended.error
    step.local[named[1]] = ended.ledger.count
    return rows


def _begin(
    state: FoldState, event: HistoryEvent, step: StepFold, *, round_: int, ledger: AttemptLedger, ended: Ended | None
) -> list[Row]:
    record = ledger.records[0] if ledger.records else None
    began = (record.started_at if record else None) or event.at
    step.round = max(step.round, round_)
    step.started_at = step.started_at or began
    step.completed_at = step.error = None
    state.move(step, StepStatus.RUNNING)
    worker = record.worker if record else None
    local = OpenActivity(step.id, round_, attempt=1, worker=worker, started_at=began)
    data = {"round": round_, "local": True}
    return [
        step_row(JournalType.STEP_SCHEDULED, event, step, data={**data, "type": step.terms.type}),
        step_row(JournalType.STEP_STARTED, event, step, attempt=1, data={**data, "worker": worker}),
        *take_attempts(state, event, local, ended, ledger),
    ]


def _end(type_: JournalType, event: HistoryEvent, step: StepFold, round_: int, outcome: AttemptOutcome) -> Row:
    return closing_row(type_, event, step, OpenActivity(step.id, round_, attempt=1), outcome)
