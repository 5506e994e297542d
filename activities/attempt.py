"""One attempt of one step: keeps its place in the attempt ledger and says by itself that it is alive.

The ledger rides in the heartbeat details from attempt to attempt (architecture 4.3); the wrapper opens and closes.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from temporalio import activity

from activities.failure import Failure, to_info
from activities.inheritance import inherit
from activities.mask import Mask
from activities.output import check_json
from activities.policy import attempts_left, policy_in_force
from activities.runtime import StepRuntime
from perdure.contract.backoff import retry_delay
from perdure.contract.effect import effect_unknown
from perdure.contract.error import ErrorClass, ErrorInfo
from perdure.contract.error_pattern import matches
from perdure.contract.ledger import AttemptLedger, AttemptRecord, Heartbeat, Usage
from perdure.contract.limit import KIB
from perdure.contract.state import AttemptOutcome, Effect
from perdure.contract.step_call import StepInput
from perdure.steps.error import StepError

LONGEST_SILENCE = timedelta(seconds=5)
"""A cancel reaches a step with the answer to a heartbeat, so there is one at least this often."""

LARGEST_CHECKPOINT = 256 * KIB
"""Heartbeats stay in Temporal, which takes 2 MiB with the ledger, whatever outputs may have."""

_log = structlog.get_logger("perdure.step")

FIRST_BEAT = timedelta(milliseconds=250)
"""A shorter attempt says nothing while it runs: a heartbeat costs the server 4 ms (measured). One that is lost so
early shows as LOST by the gap in the numbers, without its worker.
"""


class Attempt:
    """The record of the running attempt, on top of those before it. Used by one task, within an activity."""

    def __init__(self, runtime: StepRuntime, call: StepInput, mask: Mask) -> None:
        self.info = activity.info()
        self.call = call
        self._runtime = runtime
        self._mask = mask
        inherited = inherit(self.info.heartbeat_details, self.info, call)
        self._before = inherited.before
        self.number = inherited.before + self.info.attempt
        self.checkpoint = inherited.checkpoint
        self._progress: Any = None
        self._record = AttemptRecord(attempt=self.number, worker=runtime.worker, started_at=runtime.clock())
        self.ledger = inherited.ledger.put(self._record)

    def check_effect(self) -> None:
        """Let an `at_most_once` step run only where no attempt of this activity can have taken effect.

        Temporal does not repeat such a step by itself; `temporal activity reset` makes it do so.

        Raises:
            StepError: STEP.EFFECT_UNKNOWN.
        """
        earlier = [record for record in self.ledger.records if self.call.before.count < record.attempt < self.number]
        doubtful = [record for record in earlier if record.error is None or effect_unknown(record.error)]
        if self.call.effect is Effect.AT_MOST_ONCE and doubtful:
            raise StepError(
                "STEP.EFFECT_UNKNOWN",
                ErrorClass.LOST,
                f"not run again: attempt {doubtful[-1].attempt} of this at_most_once step may have taken effect",
            )

    @property
    def age(self) -> timedelta:
        """How long the attempt has been running."""
        return self._runtime.clock() - (self._record.started_at or self.info.started_time)

    @contextmanager
    def alive(self, on_first: Callable[[], None]) -> Iterator[None]:
        """Heartbeats soon, then regularly until the block ends. `on_first` is called with the first of them."""
        pause = self._pause
        if pause is None:
            yield
            return
        first = timedelta(0) if self.call.effect is Effect.AT_MOST_ONCE else min(pause, FIRST_BEAT)
        beating: list[asyncio.Task[None]] = []

        def begin() -> None:
            on_first()
            self.tell()
            beating.append(asyncio.create_task(self._keep_beating(pause)))

        # No task until then: most attempts are over before.
        timer = asyncio.get_running_loop().call_later(first.total_seconds(), begin)
        try:
            yield
        finally:
            timer.cancel()
            for task in beating:
                task.cancel()

    def report(self, progress: Any, checkpoint: Any) -> None:
        """The step's own heartbeat. None leaves what was said before.

        Raises:
            StepError: a value is not JSON, or too large.
        """
        limit = min(self.call.limits.output_bytes, LARGEST_CHECKPOINT)
        for what, value in (("progress", progress), ("checkpoint", checkpoint)):
            check_json(value, limit, f"the {what} of the step")
        self._progress = self._progress if progress is None else self._mask.json(progress)
        self.checkpoint = self.checkpoint if checkpoint is None else self._mask.json(checkpoint)
        self._beat()

    def used(self, cpu_seconds: float, peak_memory_bytes: int) -> None:
        """What the step took in a process of its own; told with how the attempt ends."""
        usage = Usage(cpu_ms=round(cpu_seconds * 1000), peak_memory_bytes=peak_memory_bytes)
        self._record = self._record.model_copy(update={"usage": usage})

    def tell(self) -> None:
        """Let the observer know that Temporal has something new to say about this step's attempts."""
        try:
            self._runtime.on_attempt(self.call.job_id, self.info.workflow_run_id or "")
        except Exception as problem:  # noqa: BLE001  an observer must not change what happens to the step
            _log.warning("the observer of attempts failed", job_id=self.call.job_id, problem=repr(problem))

    def heartbeat(self) -> Heartbeat:
        """What the attempt says of itself now."""
        return Heartbeat(ledger=self.ledger, before=self._before, checkpoint=self.checkpoint, progress=self._progress)

    def completed(self) -> AttemptLedger:
        """The ledger with this attempt completed."""
        return self._close(AttemptOutcome.COMPLETED, None, None)

    def failed(self, failure: Failure) -> tuple[ErrorInfo, bool, timedelta | None]:
        """Close the record as failed, also in the heartbeat, where the next attempt finds it.

        Returns:
            The error, whether it forbids another attempt, and the wait before the next (None where none follows).
        """
        error = to_info(failure.error, self.call, self._mask)
        final = not error.error_class.retryable or self._ruled_out(error)
        delay = None if final else self._next_delay(failure)
        retry_at = None if delay is None else self._runtime.clock() + delay
        self._close(failure.outcome, error, retry_at)
        self._beat()
        return error, final, delay

    def _ruled_out(self, error: ErrorInfo) -> bool:
        if self.call.effect is Effect.AT_MOST_ONCE and effect_unknown(error):
            return True
        return any(matches(pattern, error.code) for pattern in self.call.retry.non_retryable_errors)

    def _next_delay(self, failure: Failure) -> timedelta | None:
        if not self._repeated():
            return None
        after = failure.error.retry_after if isinstance(failure.error, StepError) else None
        policy = policy_in_force(self.info, self.call)
        made = self.call.before.count + self.info.attempt  # a reset begins the backoff anew
        delay = failure.delay or retry_delay(policy, made, self._runtime.draw(), after)
        allowed = self.info.schedule_to_close_timeout
        if allowed and self._runtime.clock() + delay > self.info.scheduled_time + allowed:
            return None
        return delay

    def _repeated(self) -> bool:
        """Whether another attempt may follow: by Temporal, or by the workflow, which repeats `at_most_once` itself."""
        left = attempts_left(self.info, self.call)
        if self.call.effect is Effect.AT_MOST_ONCE:
            left = self.call.retry.maximum_attempts - self.call.before.tries - self.info.attempt
        return left is None or left > 0

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

    @property
    def _pause(self) -> timedelta | None:
        allowed = self.info.heartbeat_timeout
        return None if allowed is None else min(allowed / 3, LONGEST_SILENCE)

    async def _keep_beating(self, pause: timedelta) -> None:
        while True:
            self._beat()
            await asyncio.sleep(pause.total_seconds())

    def _beat(self) -> None:
        if not self.info.is_local:
            activity.heartbeat(self.heartbeat())
