"""Attempts whose worker dies, stops or freezes: what the next attempt makes of them."""

import asyncio
import contextlib
import sys
import time
from datetime import timedelta

import httpx
from pydantic import BaseModel
from temporalio.client import Client

from perdure.contract.spec import RetryPolicy
from perdure.steps import StepContext, step
from perdure.steps.definition import definition_of
from tests.integration.activities.harness import Ended, call_of, finish, runtime_with, start, worker
from tests.integration.activities.worker_process import hang

SOON = RetryPolicy(initial_interval="100ms", maximum_attempts=3)


class Nothing(BaseModel):
    pass


async def test_a_killed_worker_leaves_a_lost_attempt(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str
) -> None:
    doomed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.activities.worker_process",
        temporal_address,
        queue,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        handle = await start(client, queue, call_of("HANG", {}, retry=SOON), heartbeat_timeout="2s")
        assert doomed.stdout is not None
        await asyncio.wait_for(_line(doomed.stdout, b"running"), 60)
    finally:
        doomed.kill()
        await doomed.wait()
    async with worker(client, runtime_with(http, worker="heir/2"), queue, [definition_of(hang)]):
        ended: Ended = await handle.result()
    assert ended.outcomes == ["LOST", "COMPLETED"]
    lost, done = ended.ledger.records
    assert (lost.worker, done.worker) == ("doomed/1", "heir/2")
    assert lost.error is not None
    assert (lost.error.code, str(lost.error.error_class)) == ("WORKER.LOST", "LOST")
    assert lost.started_at is not None
    assert lost.ended_at is not None
    assert timedelta(0) < lost.ended_at - lost.started_at < timedelta(seconds=60)
    assert lost.next_retry_at is not None
    assert ended.result is not None
    assert ended.result.output == 41


async def _line(stream: asyncio.StreamReader, wanted: bytes) -> None:
    while wanted not in (line := await stream.readline()):
        assert line, "the worker process ended"


async def test_a_stopping_worker_hands_its_step_on_at_once(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    running = asyncio.Event()

    @step("SLOW_ONCE")
    async def slow_once(ctx: StepContext, params: Nothing) -> str:
        if ctx.attempt == 1:
            running.set()
            await asyncio.sleep(60)
        return "handed on"

    definition = definition_of(slow_once)
    retry = RetryPolicy(initial_interval="200s", maximum_interval="200s")
    async with worker(
        client, runtime_with(http, worker="first/1"), queue, [definition], graceful_shutdown_timeout=timedelta(0)
    ):
        handle = await start(client, queue, call_of("SLOW_ONCE", {}, retry=retry))
        await running.wait()
    began = time.monotonic()
    async with worker(client, runtime_with(http, worker="second/2"), queue, [definition]):
        ended: Ended = await handle.result()
    assert time.monotonic() - began < 100, "the step waited for its own backoff"
    assert ended.outcomes == ["LOST", "COMPLETED"]
    error = ended.ledger.records[0].error
    assert error is not None
    assert (error.code, str(error.error_class)) == ("WORKER.SHUTDOWN", "LOST")


async def test_a_step_may_finish_within_the_grace(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    running = asyncio.Event()

    @step("SHORT")
    async def short(ctx: StepContext, params: Nothing) -> str:
        running.set()
        await asyncio.sleep(0.5)
        return "done"

    async with worker(
        client,
        runtime_with(http),
        queue,
        [definition_of(short)],
        graceful_shutdown_timeout=timedelta(seconds=60),
    ):
        handle = await start(client, queue, call_of("SHORT", {}))
        await running.wait()
    async with worker(client, runtime_with(http), queue, [definition_of(short)]):
        ended: Ended = await handle.result()
    assert ended.outcomes == ["COMPLETED"]


async def test_a_step_that_will_not_stop_is_timed_out_by_temporal(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    @step("STUBBORN")
    async def stubborn(ctx: StepContext, params: Nothing) -> str:
        until = time.monotonic() + (4 if ctx.attempt == 1 else 0)
        while time.monotonic() < until:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.1)
        return f"attempt {ctx.attempt}"

    async with worker(client, runtime_with(http), queue, [definition_of(stubborn)]):
        ended = await finish(client, queue, call_of("STUBBORN", {}, timeout="2s", retry=SOON))
    assert ended.outcomes == ["TIMED_OUT", "COMPLETED"]
    assert ended.result is not None
    assert ended.result.output == "attempt 2"
    error = ended.ledger.records[0].error
    assert error is not None
    assert (error.code, error.message) == ("STEP.TIMEOUT", "an attempt took longer than 2s")
