"""An operator pauses, resets and changes the activity of a step in Temporal: step and ledger stay right."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from temporalio.client import Client

from perdure.contract.spec import RetryPolicy
from perdure.contract.state import Effect
from perdure.steps import ErrorClass, StepContext, StepError, step
from perdure.steps.definition import StepDefinition, definition_of
from tests.integration.activities.harness import Ended, call_of, runtime_with, start, worker
from tests.integration.activities.operator_cli import on_activity, pending

pytestmark = pytest.mark.filterwarnings("ignore:Cannot find activity to cancel for token:UserWarning")
"""The SDK says so where Temporal's word of a pause or a reset arrives just after the attempt has ended: it is late, and
nothing is wrong. As an error it would end the worker of the test."""

SOON = RetryPolicy(initial_interval="50ms", maximum_interval="50ms", maximum_attempts=4)
LATER = RetryPolicy(initial_interval="300s", maximum_interval="300s", maximum_attempts=4)


class Nothing(BaseModel):
    pass


class Stage:
    """A step whose attempts do what the test tells them, one after another."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.running = asyncio.Event()
        self.go_on = asyncio.Event()
        self.failing = 0
        self.cancelled: list[bool] = []

    @property
    def definition(self) -> StepDefinition:
        @step("STAGED")
        async def staged(ctx: StepContext, params: Nothing) -> str:
            self.runs.append(ctx.attempt)
            self.running.set()
            try:
                await asyncio.wait_for(self.go_on.wait(), 90)
            finally:
                self.cancelled.append(ctx.cancelled)
            if len(self.runs) <= self.failing:
                raise StepError("STEP.STAGED", ErrorClass.TRANSIENT, "not yet")
            return "done"

        return definition_of(staged)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_paused_activity_lets_its_running_attempt_finish(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=SOON), heartbeat_timeout="2s")
        await stage.running.wait()
        await on_activity(temporal_address, "pause", handle.id)
        await asyncio.sleep(4)  # past two heartbeats: Temporal has told the worker, and the timeout would have struck
        stage.go_on.set()
        ended: Ended = await handle.result()
    assert ended.outcomes == ["COMPLETED"]
    assert (stage.runs, stage.cancelled) == ([1], [False])


async def test_a_paused_activity_whose_attempt_fails_waits_for_unpause(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    stage.failing = 1
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=SOON), heartbeat_timeout="10s")
        await stage.running.wait()
        await on_activity(temporal_address, "pause", handle.id)
        stage.go_on.set()
        await pending(handle, lambda one: one.paused and one.attempt == 2)
        await asyncio.sleep(0.5)
        assert stage.runs == [1]
        await on_activity(temporal_address, "unpause", handle.id)
        ended: Ended = await handle.result()
    assert ended.outcomes == ["FAILED", "COMPLETED"]
    assert stage.runs == [1, 2]


async def test_a_cancel_reaches_an_attempt_that_runs_though_paused(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=SOON), heartbeat_timeout="2s")
        await stage.running.wait()
        await on_activity(temporal_address, "pause", handle.id)
        await asyncio.sleep(2.5)  # past a heartbeat: Temporal has told the worker
        began = time.monotonic()
        await handle.cancel()
        ended: Ended = await handle.result()
    assert time.monotonic() - began < 60
    assert (ended.code, ended.outcomes) == ("CANCELED", ["CANCELED"])
    assert stage.cancelled == [True]


async def test_a_stopping_worker_gives_an_attempt_up_that_runs_though_paused(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    first = runtime_with(http, grace=timedelta(seconds=0.5))
    async with worker(client, first, queue, [stage.definition], graceful_shutdown_timeout=first.grace):
        handle = await start(client, queue, call_of("STAGED", {}, retry=SOON), heartbeat_timeout="2s")
        await stage.running.wait()
        await on_activity(temporal_address, "pause", handle.id)
        await asyncio.sleep(2.5)  # past a heartbeat: Temporal has told the worker
        began = time.monotonic()
    assert time.monotonic() - began < 60
    stage.go_on.set()
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        await on_activity(temporal_address, "unpause", handle.id)
        ended: Ended = await handle.result()
    assert ended.outcomes == ["LOST", "COMPLETED"]
    error = ended.ledger.records[0].error
    assert error is not None
    assert error.code == "WORKER.SHUTDOWN"


async def test_a_step_paused_between_attempts_starts_none_until_unpause(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    stage.failing = 1
    stage.go_on.set()
    retry = SOON.model_copy(update={"initial_interval": "6s", "maximum_interval": "6s", "jitter": 0.0})
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=retry))
        await pending(handle, lambda one: one.attempt == 2)
        await on_activity(temporal_address, "pause", handle.id)
        await asyncio.sleep(6.5)  # past the moment when it would have begun
        assert stage.runs == [1]
        await on_activity(temporal_address, "unpause", handle.id)
        ended: Ended = await handle.result()
    assert ended.outcomes == ["FAILED", "COMPLETED"]
    assert [record.attempt for record in ended.ledger.records] == [1, 2]


async def test_a_reset_between_attempts_keeps_the_ledger_and_starts_counting_anew(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    stage.failing = 5
    stage.go_on.set()
    retry = SOON.model_copy(update={"maximum_attempts": 3})
    slow = retry.model_copy(update={"initial_interval": "200ms", "maximum_interval": "6s", "jitter": 0.0})
    slow = slow.model_copy(update={"backoff_coefficient": 30.0})  # time for the command before the third attempt
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=slow))
        await pending(handle, lambda one: one.attempt == 3)
        await on_activity(temporal_address, "reset", handle.id)
        ended: Ended = await handle.result()
    assert [record.attempt for record in ended.ledger.records] == [1, 2, 3, 4, 5]
    assert ended.outcomes == ["FAILED"] * 5
    assert stage.runs == [1, 2, 3, 4, 5]
    told = [record.next_retry_at is not None for record in ended.ledger.records]
    assert told == [True, True, True, True, False]


async def test_a_reset_stops_a_running_attempt_and_keeps_the_ledger(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=SOON), heartbeat_timeout="2s")
        await stage.running.wait()
        await on_activity(temporal_address, "reset", handle.id)
        await pending(handle, lambda _: len(stage.runs) == 2)
        stage.go_on.set()
        ended: Ended = await handle.result()
    assert ended.outcomes == ["LOST", "COMPLETED"]
    assert [record.attempt for record in ended.ledger.records] == [1, 2]
    assert stage.runs == [1, 2]
    error = ended.ledger.records[0].error
    assert error is not None
    assert error.code == "WORKER.INTERRUPTED"


async def test_a_reset_that_clears_the_heartbeat_begins_the_ledger_anew(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    stage.failing = 1
    stage.go_on.set()
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=LATER))
        await pending(handle, lambda one: one.attempt == 2)
        await on_activity(temporal_address, "reset", handle.id, "--clear-heartbeat-details")
        ended: Ended = await handle.result()
    assert ended.outcomes == ["COMPLETED"]


async def test_changed_options_are_followed_and_told(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    stage.failing = 9
    stage.go_on.set()
    retry = LATER.model_copy(update={"maximum_attempts": 2})
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=retry))
        await pending(handle, lambda one: one.attempt == 2)
        changes = ["--retry-initial-interval", "20ms", "--retry-maximum-interval", "20ms"]
        changes += ["--retry-maximum-attempts", "4"]
        await on_activity(temporal_address, "update-options", handle.id, *changes)
        ended: Ended = await handle.result()
    assert ended.outcomes == ["FAILED"] * 4
    waits = [
        record.next_retry_at and record.ended_at and record.next_retry_at - record.ended_at for record in _last(ended)
    ]
    assert waits[-1] is None
    assert all(wait is not None and wait <= timedelta(milliseconds=20) for wait in waits[:-1])


async def test_a_changed_timeout_is_followed_and_its_attempt_kept(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    stage.failing = 1
    stage.go_on.set()
    retry = LATER.model_copy(update={"maximum_attempts": 9})
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call_of("STAGED", {}, retry=retry))
        await pending(handle, lambda one: one.attempt == 2)
        stage.go_on.clear()
        changes = ["--retry-initial-interval", "20ms", "--retry-maximum-interval", "20ms"]
        changes += ["--start-to-close-timeout", "1200ms"]
        await on_activity(temporal_address, "update-options", handle.id, *changes)
        await pending(handle, lambda one: one.attempt == 3)
        stage.go_on.set()
        ended: Ended = await handle.result()
    # Temporal does not tell workers of the new timeout: that it was one, the ledger cannot know.
    assert ended.outcomes[:2] in (["FAILED", "LOST"], ["FAILED", "TIMED_OUT"])
    assert ended.outcomes[-1] == "COMPLETED"


async def test_a_reset_does_not_repeat_an_at_most_once_step_that_was_running(
    client: Client, http: httpx.AsyncClient, temporal_address: str, queue: str, stage: Stage
) -> None:
    once = SOON.model_copy(update={"maximum_attempts": 1})
    call = call_of("STAGED", {}, retry=once, effect=Effect.AT_MOST_ONCE)
    async with worker(client, runtime_with(http), queue, [stage.definition]):
        handle = await start(client, queue, call, heartbeat_timeout="2s")
        await stage.running.wait()
        await on_activity(temporal_address, "reset", handle.id)
        ended: Ended = await handle.result()
    assert stage.runs == [1]
    assert ended.code in ("WORKER.INTERRUPTED", "STEP.EFFECT_UNKNOWN")


def _last(ended: Ended) -> list[Any]:
    """The attempts made after the change."""
    return ended.ledger.records[1:]
