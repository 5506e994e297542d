"""The attempts of one round of a step, taken from what closed its activity; used by the activity handlers."""

from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger, AttemptRecord
from perdure.contract.state import AttemptOutcome, StepStatus
from perdure.projection.fold.attempt import close, earlier_attempts, newest_number
from perdure.projection.fold.failure import Ended, read_last_failure
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState, OpenActivity, StepFold
from perdure.projection.history import HistoryEvent
from perdure.projection.record import StepAttempt

_GOOD = frozenset({AttemptOutcome.COMPLETED, AttemptOutcome.CANCELED})


def take_attempts(
    state: FoldState, event: HistoryEvent, activity: OpenActivity, ended: Ended | None, ledger: AttemptLedger
) -> list[Row]:
    """Take the attempts of a closed activity into the state; a row for each that failed.

    Args:
        state: moved on.
        event: what closed the activity.
        activity: as it was while open.
        ended: how the newest attempt failed; None where it completed.
        ledger: from the result, the failure or the last heartbeat; empty where none came.
    """
    step = state.step(activity.step_id)
    last = read_last_failure(activity.last_failure, step.terms)
    ledger = ledger if ledger.records or last is None else last.ledger
    # No attempt was running where Temporal wrote no ACTIVITY_TASK_STARTED.
    newest = activity.attempt or newest_number(ledger) + 1
    records = earlier_attempts(newest, ledger, last, step.terms, activity.start_to_close)
    if activity.attempt is not None:
        records.append(_newest(event, activity, ended, ledger))
    step.tried[activity.round] = max(ledger.count, newest if activity.attempt else newest - 1)
    others = [attempt for attempt in step.attempts if attempt.round != activity.round]
    step.attempts = [*others, *(StepAttempt(**dict(record), round=activity.round) for record in records)]
    return [
        _failed_row(event, step, activity, record, again=record is not records[-1])
        for record in records
        if record.outcome not in _GOOD
    ]


def _newest(event: HistoryEvent, activity: OpenActivity, ended: Ended | None, ledger: AttemptLedger) -> AttemptRecord:
    number = activity.attempt or 1
    told = [record for record in ledger.records if record.attempt == number]
    empty = AttemptRecord(attempt=number, worker=activity.worker, started_at=activity.started_at)
    outcome, error = (ended.outcome, ended.error) if ended else (AttemptOutcome.COMPLETED, None)
    return close(told[-1] if told else empty, outcome, error, event.at)


def _failed_row(
    event: HistoryEvent, step: StepFold, activity: OpenActivity, record: AttemptRecord, *, again: bool
) -> Row:
    facts = record.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"attempt", "outcome"})
    return Row(
        JournalType.STEP_ATTEMPT_FAILED,
        record.ended_at or event.at,
        step_id=step.id,
        attempt=record.attempt,
        status=StepStatus.RETRYING if again else StepStatus.RUNNING,
        outcome=record.outcome,
        data={"round": activity.round, **facts},
    )
