"""What `describe` tells of open steps on a real server, and how a job looks with it."""

from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import live
from tests.integration.fold.conftest import FoldBench, until
from tests.integration.fold.test_real_history import ended, fail, hang, log, outcomes
from tests.integration.workflow.conftest import Handle

SLOW = {"maximum_attempts": 9, "initial_interval": "20ms", "backoff_coefficient": 100, "maximum_interval": "60s"}
"""A third attempt 2 s after the second, a fourth a minute after the third."""
LATER = {"maximum_attempts": 9, "initial_interval": "600ms", "backoff_coefficient": 100, "maximum_interval": "60s"}
"""A third attempt a minute after the second."""


async def between_attempts(bench: FoldBench, handle: Handle, failed: int) -> None:
    """Wait until `failed` attempts failed and the next is due later."""

    async def look() -> bool:
        seen = await bench.observe(handle)
        return any(one.attempt == failed + 1 and one.next_retry_at is not None for one in seen)

    await until(look)


async def test_b3_a_step_in_backoff_is_shown_retrying_with_its_errors(bench: FoldBench) -> None:
    handle = await bench.start([fail("flaky", retry=LATER)])
    await between_attempts(bench, handle, 2)
    (seen,) = await bench.observe(handle)
    assert (seen.step_id, seen.round, seen.attempt) == ("flaky", 1, 3)
    assert [(a.attempt, a.outcome, a.worker) for a in seen.attempts] == [(1, "FAILED", "w1"), (2, "FAILED", "w1")]
    assert seen.error is not None
    assert (seen.error.code, seen.error.fingerprint is None) == ("STEP.FAILED", False)
    assert seen.next_retry_at is not None
    assert seen.attempts[-1].ended_at is not None
    assert seen.next_retry_at > seen.attempts[-1].ended_at
    job = await bench.shown(handle)
    assert (job.status, job.steps[0].status, job.error_step) == (JobStatus.RETRYING, StepStatus.RETRYING, "flaky")
    assert job.status_reason is not None
    assert job.status_reason.startswith("step flaky failed 2 times, next attempt at ")
    await handle.terminate()


async def test_a_running_attempt_is_seen_with_its_worker(bench: FoldBench) -> None:
    handle = await bench.start([hang("runs")])

    async def look() -> bool:
        # Before the first heartbeat Temporal's own name for the worker is known, then the ledger's.
        return any(seen.attempts and seen.attempts[0].worker == "w1" for seen in await bench.observe(handle))

    await until(look)
    (seen,) = await bench.observe(handle)
    (attempt,) = seen.attempts
    assert (attempt.attempt, attempt.worker, attempt.outcome, seen.error, seen.next_retry_at) == (
        1, "w1", None, None, None,
    )  # fmt: skip
    assert (await bench.shown(handle)).status is JobStatus.RUNNING
    await handle.terminate()


async def test_a_step_that_no_worker_takes_has_no_attempt(bench: FoldBench) -> None:
    handle = await bench.start([hang("runs", "MUTE", heartbeat_timeout="60s")])

    async def look() -> bool:
        return bool(await bench.observe(handle))

    await until(look)
    (seen,) = await bench.observe(handle)
    assert all(attempt.outcome is None for attempt in seen.attempts)
    await handle.terminate()


async def test_b11_terminated_in_backoff_the_attempts_are_still_there(bench: FoldBench) -> None:
    handle = await bench.start([fail("flaky", retry=SLOW), log("after")])
    await between_attempts(bench, handle, 3)
    await handle.terminate("stuck")
    job = await bench.shown(handle)
    assert job.status is JobStatus.TERMINATED
    assert outcomes(job.steps[0].attempts) == [(1, n, "FAILED") for n in (1, 2, 3)]
    assert all(attempt.live for attempt in job.steps[0].attempts)
    assert (job.attempts, job.retry_count) == (3, 2)


async def test_b11_cancelled_in_backoff_what_was_seen_before_is_all_there_is(bench: FoldBench) -> None:
    handle = await bench.start([fail("flaky", retry=SLOW)])
    await between_attempts(bench, handle, 3)
    seen = await bench.observe(handle)
    await handle.cancel()
    await ended(handle)
    assert await bench.observe(handle) == []
    record, _ = await bench.fold(handle)
    assert (record.status, record.steps[0].attempts) == (JobStatus.CANCELED, [])
    job = live.overlay(record, seen)
    assert outcomes(job.steps[0].attempts) == [(1, n, "FAILED") for n in (1, 2, 3)]
    assert (job.status, job.steps[0].status) == (JobStatus.CANCELED, StepStatus.CANCELED)


async def test_a_lost_worker_is_told_while_the_step_is_retried(bench: FoldBench) -> None:
    handle = await bench.start([hang("gone", "MUTE", retry=LATER)])
    await between_attempts(bench, handle, 2)
    (seen,) = await bench.observe(handle)
    assert [(a.attempt, a.outcome) for a in seen.attempts] == [(1, "LOST"), (2, "LOST")]
    assert seen.error is not None
    assert seen.error.code == "WORKER.LOST"
    await handle.terminate()


async def test_the_engines_own_activities_are_not_observed(bench: FoldBench) -> None:
    handle = await bench.start([hang("runs")])
    await bench.until(handle, "runs", "RUNNING")
    await handle.execute_update("cancel", {})
    assert {one.step_id for one in await bench.observe(handle)} <= {"runs"}
    await ended(handle)
