"""The step wrapper on a real Temporal server: ledger, retries, limits, cancel."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from perdure.contract.spec import RetryPolicy
from perdure.steps import ErrorClass, StepContext, StepError
from tests.integration.activities.harness import QUICK, call_of, finish, runtime_with, start, worker
from tests.integration.activities.partner import Answer, Partner
from tests.integration.activities.plugin import Anything, plugin


async def test_three_attempts_are_in_the_ledger_with_their_errors(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    failed: list[tuple[str, str]] = []
    runtime = runtime_with(http, on_attempt=lambda job, run: failed.append((job, run)))
    call = call_of("FAIL", {"code": "STEP.TRY", "class": "TRANSIENT", "times": 2, "message": "not yet"})
    async with worker(client, runtime, queue):
        ended = await finish(client, queue, call)
    assert ended.result is not None
    assert ended.result.output == {"attempts": 3}
    assert ended.outcomes == ["FAILED", "FAILED", "COMPLETED"]
    assert [record.attempt for record in ended.ledger.records] == [1, 2, 3]
    assert ended.ledger.count == 3
    first, _, last = ended.ledger.records
    assert first.error is not None
    assert (first.error.code, first.error.message) == ("STEP.TRY", "not yet")
    assert (first.worker, first.error.fingerprint is not None) == ("test/1", True)
    assert first.started_at is not None
    assert first.ended_at is not None
    assert first.next_retry_at is not None
    assert last.started_at is not None
    assert first.started_at <= first.ended_at <= first.next_retry_at <= last.started_at
    assert (last.error, last.next_retry_at) == (None, None)
    # Each of the two failures is told as it ends, and again as the next attempt begins.
    assert [job for job, _ in failed] == [call.job_id] * 4
    assert all(run for _, run in failed)


async def test_attempts_of_earlier_rounds_count_for_fail(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    call = call_of("FAIL", {"class": "TRANSIENT", "times": 4}, attempts_before=4, round=2)
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert ended.outcomes == ["COMPLETED"]


async def test_exhausted_attempts_end_with_the_whole_ledger(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    call = call_of("FAIL", {"code": "STEP.TRY", "class": "TRANSIENT"})
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert (ended.code, ended.outcomes) == ("STEP.TRY", ["FAILED"] * 4)
    assert [record.next_retry_at is None for record in ended.ledger.records] == [False, False, False, True]


async def test_a_permanent_error_is_not_repeated(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call_of("FAIL", {"class": "PERMANENT"}))
    assert (ended.code, ended.outcomes) == ("STEP.FAILED", ["FAILED"])
    assert ended.ledger.records[0].next_retry_at is None


@pytest.mark.parametrize(("pattern", "attempts"), [("STEP.TRY.*", 1), ("STEP.TRY.A", 1), ("step.try.*", 4)])
async def test_non_retryable_errors_take_wildcards(
    client: Client, http: httpx.AsyncClient, queue: str, pattern: str, attempts: int
) -> None:
    retry = QUICK.model_copy(update={"non_retryable_errors": [pattern]})
    call = call_of("FAIL", {"code": "STEP.TRY.A", "class": "TRANSIENT"}, retry=retry)
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert ended.outcomes == ["FAILED"] * attempts


async def test_backoff_grows_to_the_cap_with_the_jitter_asked_for(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    retry = RetryPolicy(
        initial_interval="100ms", backoff_coefficient=2, maximum_interval="300ms", jitter=0.5, maximum_attempts=5
    )
    call = call_of("FAIL", {"class": "TRANSIENT"}, retry=retry)
    async with worker(client, runtime_with(http, draw=lambda: 1.0), queue):
        ended = await finish(client, queue, call)
    records = ended.ledger.records
    planned = [_ms(later - ended_at) for ended_at, later in _pairs(records, "ended_at", "next_retry_at")]
    assert planned == pytest.approx([150, 300, 300, 300], abs=5)
    starts = [record.started_at for record in records]
    ends = [record.ended_at for record in records]
    waited = [_ms(after - before) for before, after in zip(ends, starts[1:], strict=False) if before and after]
    assert all(wait >= plan - 5 for wait, plan in zip(waited, planned, strict=True))
    assert min(wait - plan for wait, plan in zip(waited, planned, strict=True)) < 850, "none is rounded up"


def _pairs(records: Any, first: str, second: str) -> list[tuple[datetime, datetime]]:
    return [
        (getattr(record, first), getattr(record, second)) for record in records if getattr(record, second) is not None
    ]


def _ms(span: timedelta) -> float:
    return span.total_seconds() * 1000


async def test_the_total_timeout_leaves_no_next_attempt(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    retry = RetryPolicy(initial_interval="10s", maximum_interval="10s")
    call = call_of("FAIL", {"class": "TRANSIENT"}, retry=retry)
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call, total_timeout="2s")
    assert (ended.code, ended.outcomes) == ("STEP.FAILED", ["FAILED"])
    assert ended.ledger.records[0].next_retry_at is None


async def test_retry_after_is_followed_when_longer(
    client: Client, http: httpx.AsyncClient, partner: Partner, queue: str
) -> None:
    partner.answers["/busy"] = [Answer(429, headers={"Retry-After": "1"}), Answer(200, b"ok")]
    call = call_of("HTTP_CALL", {"url": f"{partner.url}/busy", "output": "body"})
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert ended.result is not None
    assert ended.result.output == "ok"
    first, second = ended.ledger.records
    assert first.error is not None
    assert (first.error.code, str(first.error.error_class)) == ("STEP.HTTP.THROTTLED", "THROTTLED")
    assert first.ended_at is not None
    assert second.started_at is not None
    assert second.started_at - first.ended_at >= timedelta(milliseconds=990)


async def test_a_cancel_while_running_keeps_the_ledger(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    running = asyncio.Event()

    async def wait(ctx: StepContext, params: Anything) -> None:
        running.set()
        if ctx.attempt == 1:
            raise StepError("STEP.TRY", ErrorClass.TRANSIENT, "once")
        await asyncio.sleep(60)

    async with worker(client, runtime_with(http), queue, [plugin(wait)]):
        handle = await start(client, queue, call_of("PLUGIN", {}), heartbeat_timeout="3s")
        await running.wait()
        running.clear()
        await running.wait()
        await handle.cancel()
        ended = await handle.result()
    assert (ended.code, ended.outcomes) == ("CANCELED", ["FAILED", "CANCELED"])
    assert ended.failure is not None
    assert ended.failure.error.error_class is ErrorClass.CANCELED


async def test_a_step_that_ends_during_its_cancel_has_completed(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    running = asyncio.Event()

    async def tidy(ctx: StepContext, params: Anything) -> bool:
        running.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return ctx.cancelled
        return False

    async with worker(client, runtime_with(http), queue, [plugin(tidy)]):
        handle = await start(client, queue, call_of("PLUGIN", {}), heartbeat_timeout="2s")
        await running.wait()
        await handle.cancel()
        ended = await handle.result()
    assert ended.result is not None
    assert (ended.result.output, ended.outcomes) == (True, ["COMPLETED"])


async def test_an_attempt_past_its_time_is_stopped_and_timed_out(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    stopped_after: list[float] = []

    async def hang_once(ctx: StepContext, params: Anything) -> str:
        began = time.monotonic()
        try:
            await asyncio.sleep(60 if ctx.attempt == 1 else 0)
        except asyncio.CancelledError:
            stopped_after.append(time.monotonic() - began)
            raise
        return "second"

    async with worker(client, runtime_with(http), queue, [plugin(hang_once)]):
        ended = await finish(client, queue, call_of("PLUGIN", {}, timeout="2s"))
    assert ended.outcomes == ["TIMED_OUT", "COMPLETED"]
    (seconds,) = stopped_after
    assert 1.5 < seconds < 30
    error = ended.ledger.records[0].error
    assert error is not None
    assert (error.code, str(error.error_class)) == ("STEP.TIMEOUT", "TIMEOUT")


async def test_an_unexpected_exception_is_internal_and_repeated(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async def broken(ctx: StepContext, params: Anything) -> None:
        if ctx.attempt == 1:
            raise KeyError("lost\x00\ud800")
        raise SystemExit(3)

    retry = QUICK.model_copy(update={"maximum_attempts": 2})
    async with worker(client, runtime_with(http), queue, [plugin(broken)]):
        ended = await finish(client, queue, call_of("PLUGIN", {}, retry=retry))
    assert ended.code == "STEP.INTERNAL"
    first, second = (record.error for record in ended.ledger.records)
    assert first is not None
    assert first.message.startswith("KeyError: ")
    assert first.details["at"].startswith("test_wrapper.py:")
    assert second is not None
    assert second.message == "SystemExit: 3"
