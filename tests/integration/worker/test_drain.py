"""What the end of a worker makes of steps that let themselves be stopped, and of one that does not."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from pydantic import BaseModel
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.wrapper import all_activities
from perdure.contract.spec import RetryPolicy
from perdure.steps import StepContext, step
from perdure.steps.definition import definition_of
from tests.integration.activities.harness import StepProbe, call_of, runtime_with, start
from worker.drain import REPORT_SECONDS, drained, first

GRACE = 0.5


class Nothing(BaseModel):
    pass


@pytest.fixture
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


async def test_a_step_that_does_not_stop_holds_the_worker_up_only_so_long(
    client: Client, http: httpx.AsyncClient
) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    @step("STUBBORN")
    async def stubborn(ctx: StepContext, params: Nothing) -> str:
        running.set()
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()
        return "at last"

    queue = f"drain-{uuid4().hex[:8]}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[StepProbe],
        activities=all_activities(runtime_with(http), [definition_of(stubborn)]),
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(seconds=GRACE),
    )
    task = asyncio.create_task(worker.run())
    await start(client, queue, call_of("STUBBORN", {}, retry=RetryPolicy(maximum_attempts=1)))
    await asyncio.wait_for(running.wait(), 60)
    begun = time.monotonic()
    assert await drained([worker], [task], GRACE) is False
    assert GRACE + REPORT_SECONDS - 0.1 < time.monotonic() - begun < GRACE + REPORT_SECONDS + 30
    release.set()
    await asyncio.wait_for(task, 60)


async def test_a_worker_that_fails_is_not_waited_for_any_longer() -> None:
    async def fail() -> None:
        raise RuntimeError("namespace gone")

    task = asyncio.create_task(fail())
    await asyncio.wait_for(first(asyncio.Event(), [task]), 60)
    with pytest.raises(RuntimeError, match="namespace gone"):
        await drained([], [task], 60)


async def test_the_signal_ends_the_wait() -> None:
    stop = asyncio.Event()
    for_ever = asyncio.create_task(asyncio.sleep(3600))
    waiting = asyncio.create_task(first(stop, [for_ever]))
    await asyncio.sleep(0)
    assert not waiting.done()
    stop.set()
    await asyncio.wait_for(waiting, 60)
    for_ever.cancel()
