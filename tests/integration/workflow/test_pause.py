"""`pause`, `resume`, `start_at` and `delay` at the level of the workflow."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench
from tests.integration.workflow.test_parking import refused, status_attribute
from tests.server.partner import Partner


def nap(id_: str, duration: str) -> dict[str, Any]:
    return {"id": id_, "type": "SLEEP", "with": {"duration": duration}}


async def test_b5_while_paused_no_step_starts_and_what_runs_finishes(bench: Bench) -> None:
    handle = await bench.start([nap("a", "2s"), nap("b", "10ms")])
    await bench.until(handle, "a", "WAITING")
    await handle.execute_update("pause", {"actor": "me", "reason": "look"})
    assert await status_attribute(handle) == ["PAUSED"]
    await bench.until(handle, "a", "COMPLETED")
    assert (await bench.states(handle))["b"] == "PENDING"
    await handle.execute_update("pause", {"actor": "me"})
    await handle.execute_update("resume", {"actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await status_attribute(handle) == []


async def test_a_job_that_is_not_paused_cannot_be_resumed(bench: Bench) -> None:
    handle = await bench.start([nap("a", "1h")])
    await bench.until(handle, "a", "WAITING")
    assert await refused(handle, "resume") == "API.JOB_NOT_PAUSED"
    await handle.terminate()


async def test_a_step_that_retries_does_not_go_on_retrying_while_the_job_is_paused(
    bench: Bench, partner: Partner
) -> None:
    partner.answers["/x"] = [500]
    policy = {"maximum_attempts": 1_000, "initial_interval": "100ms", "backoff_coefficient": 1.0, "jitter": 0.0}
    handle = await bench.start([{"id": "x", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/x"}, "retry": policy}])

    async def tried() -> bool:
        return partner.calls["/x"] >= 2

    await bench.eventually(tried)
    await handle.execute_update("pause", {"actor": "me"})
    async with asyncio.timeout(60):
        calls = -1
        while partner.calls["/x"] > calls:  # those that were on their way as it was paused
            calls = partner.calls["/x"]
            await bench.let_pass(1.0)
    partner.answers["/x"] = [200]
    await handle.execute_update("resume", {"actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_a_paused_job_can_be_canceled(bench: Bench) -> None:
    handle = await bench.start([nap("a", "1h")])
    await bench.until(handle, "a", "WAITING")
    await handle.execute_update("pause", {"actor": "me"})
    await handle.cancel()
    assert await bench.canceled(handle)
    assert await status_attribute(handle) == []


async def test_paused_time_does_not_count_against_the_jobs_timeout(bench: Bench) -> None:
    wait = {"id": "wait", "type": "WAIT", "with": {"name": "go"}}
    handle = await bench.start([wait, nap("b", "10ms")], timeout="3s")
    await bench.until(handle, "wait", "WAITING")
    await handle.execute_update("pause", {"actor": "me"})
    await bench.let_pass(3.5)
    await handle.execute_update("deliver", {"name": "go"})
    await handle.execute_update("resume", {"actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_b10_nothing_starts_a_job_before_its_time(bench: Bench) -> None:
    begin = datetime.now(UTC) + timedelta(seconds=4)
    wait = {"id": "wait", "type": "WAIT", "with": {"name": "go"}}
    handle = await bench.start([wait], start_at=begin.isoformat())
    await handle.execute_update("pause", {"actor": "me"})
    await handle.execute_update("resume", {"actor": "me"})
    await handle.execute_update("deliver", {"name": "go", "payload": 1})
    assert await bench.states(handle) == {"wait": "PENDING"}
    result = await bench.finish(handle)
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"wait": 1})
    assert datetime.now(UTC) >= begin


async def test_a_delay_counts_from_the_submission_and_a_past_start_is_now(bench: Bench) -> None:
    begun = datetime.now(UTC)
    assert (await bench.run([nap("a", "1ms")], delay="700ms")).status is JobStatus.COMPLETED
    assert datetime.now(UTC) - begun >= timedelta(milliseconds=700)
    assert (await bench.run([nap("a", "1ms")], start_at="2020-01-01T00:00:00Z")).status is JobStatus.COMPLETED


async def test_a_job_can_be_canceled_before_its_time(bench: Bench) -> None:
    handle = await bench.start([nap("a", "1ms")], delay="1h")
    assert await bench.states(handle) == {"a": "PENDING"}
    await handle.cancel()
    assert await bench.canceled(handle)
