"""What is live: asks `describe` for the attempts of open units, which no history holds yet.

`observe` is called by the projector; its findings are kept beside the projection, and `overlay` lays them
over the job as the history tells it.
"""

from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client

from perdure.contract.ledger import AttemptLedger, AttemptRecord, Heartbeat
from perdure.projection.decoder import moment
from perdure.projection.fold import reading
from perdure.projection.fold.activity import unit_and_round
from perdure.projection.fold.attempt import earlier_attempts
from perdure.projection.fold.failure import Ended, StepTerms, read_last_failure
from perdure.projection.overlay import overlay
from perdure.projection.payload import PayloadReader
from perdure.projection.reader import describe
from perdure.projection.record import LiveObservation

__all__ = ["observe", "overlay"]

WAITS = frozenset(
    {
        PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
        PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED,
    }
)
"""States in which no attempt is running; `attempt` is the number of the next one then."""
_PAUSED = frozenset(
    {
        PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED,
        PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED,
    }
)


async def observe(client: Client, job_id: str, run_id: str, now: datetime) -> list[LiveObservation]:
    """What Temporal says now of each open unit of a run; of a closed run, what was open when it was ended.

    Raises:
        temporalio.service.RPCError: Temporal is away, or does not hold the run (status NOT_FOUND).
    """
    reader = PayloadReader(client.data_converter)
    found = []
    for pending in (await describe(client, job_id, run_id)).pending_activities:
        named = unit_and_round(pending.activity_id)
        if named is not None:
            unit, round_ = named
            found.append(await _observation(reader, pending, (job_id, run_id, str(unit), round_), now))
    return found


async def _observation(
    reader: PayloadReader, pending: PendingActivityInfo, key: tuple[str, str, str, int], now: datetime
) -> LiveObservation:
    terms = _terms(pending)
    failure = await reader.failure(pending.last_failure) if pending.HasField("last_failure") else None
    last = read_last_failure(failure, terms)
    heartbeat = reading.model(Heartbeat, await reader.first(pending.heartbeat_details)) or Heartbeat()
    waits = pending.state in WAITS
    number = _number(heartbeat, pending.attempt, waits=waits)
    attempts = _attempts(pending, number, heartbeat.ledger, last, terms, waits=waits)
    # The ledger's error is whole, while Temporal cuts `last_failure`.
    told = [attempt.error for attempt in attempts if attempt.attempt == number - 1]
    job_id, run_id, unit, round_ = key
    return LiveObservation(
        job_id=job_id,
        run_id=run_id,
        step_id=unit,
        round=round_,
        observed_at=now,
        attempt=number,
        attempts=attempts,
        error=told[0] if told else None,
        next_retry_at=_next_retry_at(pending) if waits and number > 1 and not pending.paused else None,
        progress=heartbeat.progress,
        before=heartbeat.before,
        paused=pending.paused or pending.state in _PAUSED,
    )


def _number(heartbeat: Heartbeat, attempt: int, *, waits: bool) -> int:
    """The attempt that Temporal calls `attempt`, in the ledger's numbers: a reset makes Temporal count from 1 again."""
    number = heartbeat.before + attempt
    newest = heartbeat.ledger.records[-1] if heartbeat.ledger.records else AttemptRecord(attempt=0)
    # One that runs has perhaps said how it ends, and is not yet reported.
    over = newest.attempt > number or (waits and newest.attempt == number and newest.outcome is not None)
    return newest.attempt + 1 if over else number


def _attempts(
    pending: PendingActivityInfo,
    number: int,
    ledger: AttemptLedger,
    last: Ended | None,
    terms: StepTerms,
    *,
    waits: bool,
) -> list[AttemptRecord]:
    ledger = ledger if ledger.records or last is None else last.ledger
    limit = pending.activity_options.start_to_close_timeout.ToTimedelta()
    records = earlier_attempts(number, ledger, last, terms, limit or None)
    if waits:
        return [*records[:-1], *(_waiting(record, pending) for record in records[-1:])]
    told = [record for record in ledger.records if record.attempt == number]
    started = moment(pending.last_started_time) if pending.HasField("last_started_time") else None
    running = AttemptRecord(attempt=number, worker=pending.last_worker_identity or None, started_at=started)
    return [*records, told[-1] if told else running]


def _waiting(record: AttemptRecord, pending: PendingActivityInfo) -> AttemptRecord:
    """The last attempt that failed, with what Temporal knows of it and its ledger does not."""
    known = pending.last_attempt_complete_time
    ended = moment(known) if pending.HasField("last_attempt_complete_time") else None
    return record.model_copy(
        update={
            "worker": record.worker or pending.last_worker_identity or None,
            "ended_at": record.ended_at or ended,
            "next_retry_at": record.next_retry_at or _next_retry_at(pending),
        }
    )


def _next_retry_at(pending: PendingActivityInfo) -> datetime | None:
    if pending.HasField("next_attempt_schedule_time"):
        return moment(pending.next_attempt_schedule_time)
    return moment(pending.scheduled_time) if pending.HasField("scheduled_time") else None


def _terms(pending: PendingActivityInfo) -> StepTerms:
    options = pending.activity_options
    total = options.schedule_to_close_timeout
    return StepTerms(
        type=pending.activity_type.name,
        timeout=_duration(options.start_to_close_timeout),
        total_timeout=_duration(total) if total.ToMilliseconds() else None,
        heartbeat_timeout=_duration(options.heartbeat_timeout),
    )


def _duration(duration: Duration) -> str:
    """As a spec may write it; a server that does not tell has no number."""
    milliseconds = duration.ToMilliseconds()
    if not milliseconds:
        return "its limit"
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
