"""One attempt of one step: keeps its place in the attempt ledger and says by itself that it is alive.

The ledger rides in the heartbeat details from attempt to attempt (architecture 4.3); the wrapper opens and closes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import ValidationError
from temporalio import activity

from activities.failure import Failure, lost_error, matches, timeout_error, to_info
from activities.mask import Mask
from activities.output import check_json
from activities.runtime import StepRuntime
from perdure.contract.backoff import base_delay, retry_delay
from perdure.contract.duration import parse_duration
from perdure.contract.error import ErrorInfo
from perdure.contract.ledger import AttemptLedger, AttemptRecord, Heartbeat
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepInput
from perdure.steps.error import StepError

LONGEST_SILENCE = timedelta(seconds=5)
"""A cancel reaches a step with the answer to a heartbeat, so there is one at least this often."""

_log = structlog.get_logger("perdure.step")

FIRST_BEAT = timedelta(milliseconds=250)
"""A shorter attempt says nothing while it runs: a heartbeat costs the server 4 ms (measured). One that is lost so
early shows as LOST by the gap in the numbers, without its worker.
"""

_SMALLEST_SLACK = timedelta(seconds=1)


class Attempt:
    """The record of the running attempt, on top of those before it. Used by one task, within an activity."""

    def __init__(self, runtime: StepRuntime, call: StepInput, mask: Mask) -> None:
        self.info = activity.info()
        self.call = call
        self._runtime = runtime
        self._mask = mask
        self.number = call.before.count + self.info.attempt
        before = read_heartbeat(self.info.heartbeat_details)
        self.checkpoint = before.checkpoint
        self._progress: Any = None
        self._record = AttemptRecord(attempt=self.number, worker=runtime.worker, started_at=runtime.clock())
        self.ledger = continued(before.ledger, self.info, call).put(self._record)

    @property
    def age(self) -> timedelta:
        """How long the attempt has been running."""
        return self._runtime.clock() - (self._record.started_at or self.info.started_time)

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Heartbeats soon, then regularly until the block ends."""
        task = asyncio.create_task(self._keep_beating())
        try:
            yield
        finally:
            task.cancel()

    def report(self, progress: Any, checkpoint: Any) -> None:
        """The step's own heartbeat. None leaves what was said before.

        Raises:
            StepError: a value is not JSON, or too large.
        """
        limit = self.call.limits.output_bytes
        for what, value in (("progress", progress), ("checkpoint", checkpoint)):
            check_json(value, limit, f"the {what} of the step")
        self._progress = self._progress if progress is None else self._mask.json(progress)
        self.checkpoint = self.checkpoint if checkpoint is None else self._mask.json(checkpoint)
        self._beat()

    def tell(self) -> None:
        """Let the observer know that Temporal has something new to say about this step's attempts."""
        try:
            self._runtime.on_attempt(self.call.job_id, self.info.workflow_run_id or "")
        except Exception as problem:  # noqa: BLE001  an observer must not change what happens to the step
            _log.warning("the observer of attempts failed", job_id=self.call.job_id, problem=repr(problem))

    def completed(self) -> AttemptLedger:
        """The ledger with this attempt completed."""
        return self._close(AttemptOutcome.COMPLETED, None, None)

    def failed(self, failure: Failure) -> tuple[ErrorInfo, bool, timedelta | None]:
        """Close the record as failed, also in the heartbeat, where the next attempt finds it.

        Returns:
            The error, whether it forbids another attempt, and the wait before the next (None where none follows).
        """
        error = to_info(failure.error, self.call, self._mask)
        final = not error.error_class.retryable or matches(error.code, self.call.retry.non_retryable_errors)
        delay = None if final else self._next_delay(failure)
        retry_at = None if delay is None else self._runtime.clock() + delay
        self._close(failure.outcome, error, retry_at)
        self._beat()
        return error, final, delay

    def _next_delay(self, failure: Failure) -> timedelta | None:
        # Temporal counts every attempt of this activity; those before it that were interrupted it knows nothing of.
        if self.number - self.call.before.interrupted >= self.call.retry.maximum_attempts:
            return None
        after = failure.error.retry_after if isinstance(failure.error, StepError) else None
        delay = failure.delay or retry_delay(self.call.retry, self.number, self._runtime.draw(), after)
        allowed = self.info.schedule_to_close_timeout
        if allowed and self._runtime.clock() + delay > self.info.scheduled_time + allowed:
            return None
        return delay

    def _close(self, outcome: AttemptOutcome, error: ErrorInfo | None, retry_at: datetime | None) -> AttemptLedger:
        closed = {
            "ended_at": self._runtime.clock(),
            "outcome": outcome,
            "error": error,
            "next_retry_at": retry_at,
        }
        self._record = self._record.model_copy(update=closed)
        self.ledger = self.ledger.put(self._record)
        return self.ledger

    async def _keep_beating(self) -> None:
        if self.info.heartbeat_timeout is None:
            return
        pause = min(self.info.heartbeat_timeout / 3, LONGEST_SILENCE)
        await asyncio.sleep(min(pause, FIRST_BEAT).total_seconds())
        if not self.info.is_local:
            self.tell()
        while True:
            self._beat()
            await asyncio.sleep(pause.total_seconds())

    def _beat(self) -> None:
        if not self.info.is_local:
            activity.heartbeat(
                Heartbeat(
                    ledger=self.ledger,
                    before=self.call.before.count,
                    checkpoint=self.checkpoint,
                    progress=self._progress,
                )
            )


def read_heartbeat(details: Sequence[Any]) -> Heartbeat:
    """What the attempt before left; empty where there was none, or not one of ours."""
    try:
        return Heartbeat.model_validate_json(json.dumps(details[0])) if details else Heartbeat()
    except ValidationError:
        return Heartbeat()


def continued(ledger: AttemptLedger, info: activity.Info, call: StepInput) -> AttemptLedger:
    """The ledger with the attempts that could not close their own record: timed out, or lost with their worker."""
    ledger = ledger if ledger.count else call.before
    running = call.before.count + info.attempt
    newest = ledger.records[-1] if ledger.records else None
    first_missing = newest.attempt + 1 if newest else 1
    if newest is not None and newest.outcome is None and newest.attempt < running:
        ledger = ledger.put(_left_open(newest, info, call))
    for number in range(first_missing, running):
        error = to_info(lost_error(None), call, Mask())
        ledger = ledger.put(AttemptRecord(attempt=number, outcome=AttemptOutcome.LOST, error=error))
    return ledger


def _left_open(record: AttemptRecord, info: activity.Info, call: StepInput) -> AttemptRecord:
    # Temporal scheduled this attempt one backoff, without jitter, after it gave the other one up.
    scheduled = info.current_attempt_scheduled_time
    started = record.started_at or scheduled
    ended = max(started, scheduled - base_delay(call.retry, max(1, info.attempt - 1)))
    timeout = parse_duration(call.timeout)
    late = ended - started >= timeout - max(_SMALLEST_SLACK, timeout / 10)
    error = timeout_error(call.timeout) if late else lost_error(record.worker)
    return record.model_copy(
        update={
            "ended_at": ended,
            "outcome": AttemptOutcome.TIMED_OUT if late else AttemptOutcome.LOST,
            "error": to_info(error, call, Mask()),
            "next_retry_at": scheduled if record.attempt == call.before.count + info.attempt - 1 else None,
        }
    )
