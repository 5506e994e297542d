"""`effect: at_most_once`: the wrapper runs no attempt again that may have taken effect, whoever asks for it."""

import asyncio
import sys

import httpx
import pytest
from pydantic import BaseModel
from temporalio.client import Client

from perdure.contract.spec import RetryPolicy
from perdure.contract.state import Effect
from perdure.steps import ErrorClass, StepContext, StepError, step
from perdure.steps.definition import StepDefinition, definition_of
from tests.integration.activities.harness import Ended, call_of, finish, runtime_with, start, worker
from tests.integration.activities.worker_process import hang

QUICK = RetryPolicy(initial_interval="20ms", maximum_interval="20ms", maximum_attempts=3)


class Nothing(BaseModel):
    pass


def failing(runs: list[int], error: Exception) -> StepDefinition:
    @step("FAILING")
    async def fails(ctx: StepContext, params: Nothing) -> None:
        runs.append(ctx.attempt)
        raise error

    return definition_of(fails)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("who knows"),
        StepError("STEP.HTTP.DISCONNECTED", ErrorClass.TRANSIENT, "sent"),
        StepError("STEP.HTTP.5XX", ErrorClass.TRANSIENT, "gateway", {"status": 504}),
        StepError("STEP.X", ErrorClass.TIMEOUT, "too late"),
    ],
)
async def test_a_failure_that_leaves_the_effect_open_is_final(
    client: Client, http: httpx.AsyncClient, queue: str, error: Exception
) -> None:
    runs: list[int] = []
    # The policy would allow more attempts, as after `temporal activity update-options`.
    call = call_of("FAILING", {}, retry=QUICK, effect=Effect.AT_MOST_ONCE)
    async with worker(client, runtime_with(http), queue, [failing(runs, error)]):
        ended = await finish(client, queue, call)
    assert (runs, ended.outcomes) == ([1], ["FAILED"])
    assert ended.ledger.records[0].next_retry_at is None


async def test_a_failure_without_effect_may_be_repeated(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    runs: list[int] = []
    refused = StepError("STEP.HTTP.CONNECT", ErrorClass.TRANSIENT, "nobody there")
    call = call_of("FAILING", {}, retry=QUICK, effect=Effect.AT_MOST_ONCE)
    async with worker(client, runtime_with(http), queue, [failing(runs, refused)]):
        ended = await finish(client, queue, call)
    assert (runs, ended.code) == ([1, 2, 3], "STEP.HTTP.CONNECT")
    waits = [record.next_retry_at is not None for record in ended.ledger.records]
    assert waits == [True, True, False]


async def test_a_lost_attempt_is_not_run_again(
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
        call = call_of("HANG", {}, retry=QUICK, effect=Effect.AT_MOST_ONCE)
        handle = await start(client, queue, call, heartbeat_timeout="1s")
        assert doomed.stdout is not None
        async with asyncio.timeout(60):
            while b"running" not in (line := await doomed.stdout.readline()):
                assert line, "the worker process ended"
            while not (await handle.describe()).raw_description.pending_activities[0].HasField("heartbeat_details"):
                await asyncio.sleep(0.02)
    finally:
        doomed.kill()
        await doomed.wait()
    async with worker(client, runtime_with(http, worker="heir/2"), queue, [definition_of(hang)]):
        ended: Ended = await handle.result()
    assert ended.code == "STEP.EFFECT_UNKNOWN"
    assert ended.outcomes == ["LOST", "FAILED"]
