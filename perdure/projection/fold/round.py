"""The attempts of one round of a unit, taken from what closed its activity; used by the activity handlers."""

from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger, AttemptRecord
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.projection.fold.attempt import close, earlier_attempts, newest_number
from perdure.projection.fold.change import count, unit_of
from perdure.projection.fold.failure import Ended, read_last_failure
from perdure.projection.fold.row import Row, unit_row
from perdure.projection.fold.state import FoldState, OpenActivity
from perdure.projection.fold.unit import UnitFold
from perdure.projection.history import HistoryEvent
from perdure.projection.record import StepAttempt

_GOOD = frozenset({AttemptOutcome.COMPLETED, AttemptOutcome.CANCELED})


def take_attempts(
    state: FoldState, event: HistoryEvent, activity: OpenActivity, ended: Ended | None, ledger: AttemptLedger
) -> list[Row]:
    """Take the attempts of a closed activity into the state; a row for each that failed and was not told before.

    Args:
        state: moved on.
        event: what closed the activity.
        activity: as it was while open.
        ended: how the newest attempt failed; None where it completed.
        ledger: from the result, the failure or the last heartbeat; empty where none came.
    """
    if activity.attempt is not None:
        # After `temporal activity reset` Temporal counts from 1 again, while the ledger goes on.
        activity.attempt = max(activity.attempt, newest_number(ledger))
    unit = unit_of(state, activity.unit)
    terms = state.step(unit.unit.step).of_unit(unit.unit)
    last = read_last_failure(activity.last_failure, terms)
    told, ledger = ledger.count, ledger if ledger.records or last is None else last.ledger
    # No attempt was running where Temporal wrote no ACTIVITY_TASK_STARTED.
    newest = activity.attempt or max(newest_number(ledger), activity.made_before) + 1
    records = earlier_attempts(newest, ledger, last, terms, activity.start_to_close)
    if activity.attempt is not None:
        records.append(_newest(event, activity, ended, ledger))
    tried = max(ledger.count, newest if activity.attempt else newest - 1)
    _keep(state, unit, activity, records, tried)
    # What failed may go on in another activity, which is handed the ledger.
    unit.told[activity.round] = told if ended is not None else 0
    return [
        _failed_row(event, unit, activity, record, again=record is not records[-1])
        for record in records
        if record.outcome not in _GOOD and record.attempt > activity.made_before
    ]


def _keep(state: FoldState, unit: UnitFold, activity: OpenActivity, records: list[AttemptRecord], tried: int) -> None:
    attempts, retries = unit.attempt_count, unit.retry_count
    unit.tried[activity.round] = tried
    numbers = {record.attempt for record in records}
    before = [
        attempt
        for attempt in unit.attempts
        if attempt.round != activity.round
        or (attempt.attempt <= activity.made_before and attempt.attempt not in numbers)
    ]
    unit.attempts = [*before, *(StepAttempt(**dict(record), round=activity.round) for record in records)]
    count(state, unit, unit.attempt_count - attempts, unit.retry_count - retries)


def _newest(event: HistoryEvent, activity: OpenActivity, ended: Ended | None, ledger: AttemptLedger) -> AttemptRecord:
    number = activity.attempt or 1
    told = [record for record in ledger.records if record.attempt == number]
    empty = AttemptRecord(attempt=number, worker=activity.worker, started_at=activity.started_at)
    outcome, error = (ended.outcome, ended.error) if ended else (AttemptOutcome.COMPLETED, None)
    return close(told[-1] if told else empty, outcome, error, event.at)


def _failed_row(
    event: HistoryEvent, unit: UnitFold, activity: OpenActivity, record: AttemptRecord, *, again: bool
) -> Row:
    facts = record.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"attempt", "outcome"})
    return unit_row(
        JournalType.STEP_ATTEMPT_FAILED,
        record.ended_at or event.at,
        unit,
        attempt=record.attempt,
        status=StepStatus.RETRYING if again else StepStatus.RUNNING,
        outcome=record.outcome,
        data={"round": activity.round, **facts},
    )
