"""What meets in one workflow task with somebody who ends a backoff of the workflow: each takes effect once."""

import asyncio
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.history_check import check_no_task_failed
from tests.integration.workflow.working import working
from tests.replay.case.part import backs_off
from tests.server.partner import Partner

FIRED = EventType.EVENT_TYPE_TIMER_FIRED
SOON, LATE = "2s", "1h"


@pytest.fixture
async def idle(temporal_address: str) -> Bench:
    """A bench without a worker: what happens meanwhile meets in one workflow task."""
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    return Bench(client, f"t{uuid4().hex[:12]}")


async def waiting(idle: Bench, partner: Partner, interval: str) -> Handle:
    """A job whose step failed once and waits for its next attempt, and no worker."""
    partner.answers["/pay"] = [503, 200]
    retry = {"initial_interval": interval, "maximum_interval": interval, "jitter": 0}
    step = {"id": "pay", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/pay"}}
    async with working(idle):
        handle = await idle.start([{**step, "effect": "at_most_once", "retry": retry}])
        await idle.eventually(partial(backs_off, handle, 1))
    return handle


async def fired(handle: Handle) -> bool:
    return any(event.event_type == FIRED for event in (await handle.fetch_history()).events)


def ask(handle: Handle, name: str) -> asyncio.Task[Any]:
    return asyncio.create_task(handle.execute_update(name, {"steps": ["pay"], "actor": "ann"}))


async def asked_when_due(idle: Bench, partner: Partner, name: str) -> tuple[Handle, asyncio.Task[Any]]:
    """Such a job, asked once, whose time has come before any worker heard of that."""
    handle = await waiting(idle, partner, SOON)
    while await fired(handle):  # while the worker still ended: another one
        await handle.terminate()
        partner.calls.clear()
        handle = await waiting(idle, partner, SOON)
    asked = ask(handle, name)
    await idle.eventually(partial(fired, handle))
    return handle, asked


async def test_hurried_when_its_time_had_come_it_is_attempted_once(idle: Bench, partner: Partner) -> None:
    handle, asked = await asked_when_due(idle, partner, "retry_now")
    async with working(idle):
        await asked
        result = await idle.finish(handle)
    assert (result.status, partner.calls["/pay"]) == ("COMPLETED", 2)
    check_no_task_failed(await handle.fetch_history())


async def test_given_up_when_its_time_had_come_it_is_attempted_no_more(idle: Bench, partner: Partner) -> None:
    handle, asked = await asked_when_due(idle, partner, "give_up")
    async with working(idle):
        await asked
        await idle.until(handle, "pay", "DEAD_LETTERED")
    assert partner.calls["/pay"] == 1
    check_no_task_failed(await handle.fetch_history())


async def test_a_cancel_with_it_is_not_lost(idle: Bench, partner: Partner) -> None:
    handle = await waiting(idle, partner, LATE)
    await handle.cancel()
    asked = ask(handle, "retry_now")
    async with working(idle):
        assert await idle.canceled(handle)
        await asyncio.gather(asked, return_exceptions=True)
    assert partner.calls["/pay"] <= 2
    check_no_task_failed(await handle.fetch_history())


async def test_hurried_twice_it_is_attempted_once(idle: Bench, partner: Partner) -> None:
    handle = await waiting(idle, partner, LATE)
    twice = [ask(handle, "retry_now") for _ in range(2)]
    async with working(idle):
        await asyncio.gather(*twice, return_exceptions=True)
        assert (await idle.finish(handle)).status == "COMPLETED"
    assert partner.calls["/pay"] == 2
    check_no_task_failed(await handle.fetch_history())


async def test_both_ways_at_once_leave_the_job_going(idle: Bench, partner: Partner) -> None:
    handle = await waiting(idle, partner, LATE)
    partner.answers["/pay"] = [503]
    both = [ask(handle, "retry_now"), ask(handle, "give_up")]
    async with working(idle):
        await asyncio.gather(*both, return_exceptions=True)
        await idle.until(handle, "pay", "DEAD_LETTERED")
    assert partner.calls["/pay"] <= 2
    check_no_task_failed(await handle.fetch_history())
