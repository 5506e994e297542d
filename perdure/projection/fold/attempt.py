"""From a ledger to every attempt with its outcome, lost ones included; used by the fold and the live view.

The ledger knows the attempts whose worker lived to tell. What is missing in its numbers was lost. What it
left open was lost too, or ran into its timeout; Temporal tells for the last one before the newest, and for
those before that one the time that passed until the next one decides.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from perdure.contract.error import ErrorInfo
from perdure.contract.ledger import KEEP_FIRST, KEEP_LAST, AttemptLedger, AttemptRecord
from perdure.contract.state import AttemptOutcome
from perdure.projection.fold.failure import Ended, StepTerms, lost

_NO_TRACE = (AttemptOutcome.LOST, AttemptOutcome.TIMED_OUT)


def newest_number(ledger: AttemptLedger) -> int:
    """The highest attempt that the ledger knows; 0 if it knows none."""
    return max((record.attempt for record in ledger.records), default=0)


def earlier_attempts(
    before: int,
    ledger: AttemptLedger,
    last: Ended | None,
    terms: StepTerms,
    start_to_close: timedelta | None = None,
) -> list[AttemptRecord]:
    """Attempts 1 to `before` - 1 as far as they are known, in order, each with its outcome.

    Args:
        before: the first attempt that is not wanted.
        ledger: what the workers told.
        last: how attempt `before` - 1 ended, if Temporal told.
        terms: for the errors of attempts that no worker told of.
        start_to_close: the time limit of one attempt.
    """
    known = {record.attempt: record for record in ledger.records if record.attempt < before}
    found: list[AttemptRecord] = []
    for number in _numbers(before, ledger, known, last):
        record = known.get(number, AttemptRecord(attempt=number))
        if record.outcome is None:
            ended = last if number == before - 1 else None
            outcome, error = _how(record, known.values(), ended, terms, start_to_close)
            record = record.model_copy(update={"outcome": outcome, "error": record.error or error})
        found.append(record)
    return found


def close(record: AttemptRecord, outcome: AttemptOutcome, error: ErrorInfo | None, at: datetime) -> AttemptRecord:
    """The newest attempt once its activity has closed; how it failed its worker knows better than Temporal."""
    completed = outcome is AttemptOutcome.COMPLETED
    if record.outcome is not None and completed == (record.outcome is AttemptOutcome.COMPLETED):
        return record
    return record.model_copy(update={"outcome": outcome, "error": error, "ended_at": record.ended_at or at})


def _numbers(before: int, ledger: AttemptLedger, known: Collection[int], last: Ended | None) -> Sequence[int]:
    if not known and (last is None or last.outcome not in _NO_TRACE):
        # No ledger at all: nothing is known of attempts further back.
        return [before - 1] if last is not None and before > 1 else []
    kept = [n for n in range(1, before) if n in known or n <= KEEP_FIRST or n > before - KEEP_LAST]
    dropped = _dropped(ledger)
    return [n for n in kept if n not in dropped]


def _dropped(ledger: AttemptLedger) -> range:
    """Numbers of which the ledger no longer knows whether they were lost or merely not kept."""
    if ledger.count <= len(ledger.records) or not ledger.first or not ledger.last:
        return range(0)
    return range(ledger.first[-1].attempt + 1, ledger.last[0].attempt)


def _how(
    record: AttemptRecord,
    known: Iterable[AttemptRecord],
    last: Ended | None,
    terms: StepTerms,
    start_to_close: timedelta | None,
) -> tuple[AttemptOutcome, ErrorInfo]:
    if last is not None:
        return last.outcome, last.error
    following = min((r.started_at for r in known if r.attempt > record.attempt and r.started_at), default=None)
    if record.started_at and following and start_to_close and following - record.started_at >= start_to_close:
        return AttemptOutcome.TIMED_OUT, terms.timeout_error("START_TO_CLOSE")
    return AttemptOutcome.LOST, lost(terms)
