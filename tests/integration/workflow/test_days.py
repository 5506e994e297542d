"""What takes days: the Job workflow with its real activities, on a server that skips waiting."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.settings import Settings
from tests.integration.workflow.conftest import Bench, Handle
from tests.server.time_skipping import running_time_skipping, time_skipper
from worker.mark import MarkSet
from worker.queue_worker import make_worker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_time_skipping() as running:
        yield running


@pytest.fixture(scope="module")
async def days(address: str) -> AsyncIterator[Bench]:
    """A bench whose jobs skip waiting."""
    client = (await time_skipper(address)).client
    queue = f"t{uuid4().hex[:12]}"
    async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker="test/1", http=http, secrets=SecretStore(os.environ))
        async with make_worker(client, Settings(), queue, all_activities(runtime), MarkSet()):
            yield Bench(client, queue)


async def moments(handle: Handle) -> list[tuple[int, datetime]]:
    """Type and virtual time of each event."""
    return [(event.event_type, event.event_time.ToDatetime()) async for event in handle.fetch_history_events()]


async def lasted(handle: Handle) -> timedelta:
    told = await moments(handle)
    return told[-1][1] - told[0][1]


async def test_a_step_sleeps_for_a_week(days: Bench) -> None:
    handle = await days.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "7d"}}])
    assert (await days.finish(handle)).status == "COMPLETED"
    assert timedelta(days=7) <= await lasted(handle) < timedelta(days=7, minutes=1)


async def test_a_parked_job_expires_after_its_retention(days: Bench) -> None:
    handle = await days.start([_fail(attempts=1)])
    result = await days.finish(handle)
    assert (result.status, result.resolution) == ("FAILED", "EXPIRED")
    assert timedelta(days=30) <= await lasted(handle) < timedelta(days=30, minutes=1)


async def test_backoff_doubles_up_to_five_minutes_over_twenty_attempts(days: Bench) -> None:
    retry = {"maximum_attempts": 20, "jitter": 0.0}
    handle = await days.start([_fail(**retry)], dead_letter={"enabled": False})
    result = await days.finish(handle)
    assert result.error is not None
    assert (result.status, result.error.code) == ("FAILED", "X.Y")
    told = await moments(handle)
    (failed,) = (at for kind, at in told if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED)
    expected = sum(min(300, 2**n) for n in range(19))
    # What attempts and dispatches take passes in real time.
    assert expected <= (failed - told[0][1]).total_seconds() < expected + 60


def _fail(**retry: Any) -> dict[str, Any]:
    attempts = retry.pop("attempts", None)
    policy = {"maximum_attempts": attempts, **retry} if attempts else retry
    return {"id": "f", "type": "FAIL", "with": {"code": "X.Y", "class": "TRANSIENT", "message": "m"}, "retry": policy}
