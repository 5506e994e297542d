"""Control from outside, hard: what crosses in one workflow task, floods, many clients, a worker that is killed."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from perdure.contract.state import JobStatus
from perdure.contract.step_call import StepResult
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.history_check import check_closed_once, check_no_task_failed, happenings, histories
from tests.integration.workflow.test_robust import ended_as_canceled
from tests.integration.workflow.working import working
from tests.server.partner import Partner

PATIENT = {"initial_interval": "1h", "maximum_interval": "1h"}


@pytest.fixture
async def idle(temporal_address: str) -> Bench:
    """A bench without a worker: what happens meanwhile meets in one workflow task."""
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    return Bench(client, f"t{uuid4().hex[:12]}")


def in_backoff(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    """A step whose first attempt fails and whose second one is an hour away."""
    partner.answers[f"/{id_}"] = [500]
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-{id_}", "method": "POST"}}
    params = {"url": f"{partner.url}/{id_}", "method": "POST"}
    return {"id": id_, "type": "HTTP_CALL", "with": params, "retry": PATIENT, "compensate": undo, **fields}


async def asked(partner: Partner, path: str, times: int = 1) -> bool:
    return partner.calls[path] >= times


async def complete(bench: Bench, handle: Handle, step: str) -> None:
    """The step's attempt ends well, told by somebody else than the worker."""
    activity = bench.client.get_async_activity_handle(workflow_id=handle.id, run_id=None, activity_id=step)
    await activity.complete(StepResult(output="by hand"))


@pytest.mark.parametrize("first", ["completion", "cancel"])
async def test_a_step_that_completes_as_the_cancel_arrives_is_undone(idle: Bench, partner: Partner, first: str) -> None:
    async with working(idle):
        handle = await idle.start([in_backoff(partner, "a"), {"id": "b", "type": "LOG", "with": {"message": "b"}}])
        await idle.eventually(lambda: asked(partner, "/a"))
    if first == "cancel":
        await handle.cancel()
    await complete(idle, handle, "a")
    if first == "completion":
        await handle.cancel()
    async with working(idle):
        await ended_as_canceled(handle)
        assert await idle.states(handle) == {"a": "COMPENSATED", "b": "OMITTED"}
    assert partner.calls == {"/a": 1, "/undo-a": 1}


async def test_b14_a_flood_of_large_early_deliveries_never_wedges_the_job(bench: Bench) -> None:
    before = {"id": "hold", "type": "WAIT", "with": {"name": "hold"}}
    wait = {"id": "go", "type": "WAIT", "with": {"name": "go"}}
    handle = await bench.start([before, wait])
    await asyncio.gather(*(handle.signal("deliver", {"name": "go", "payload": "x" * 200_000}) for _ in range(120)))
    await handle.signal("deliver", {"name": "hold"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    await no_task_failed(bench, handle)


async def test_a_flood_of_pauses_and_resumes_from_many_clients_leaves_the_job_going(bench: Bench) -> None:
    steps = [{"id": f"s{number}", "type": "SLEEP", "with": {"duration": "5ms"}} for number in range(20)]
    handle = await bench.start(steps)
    names = ["pause", "resume"] * 20
    said = [handle.execute_update(name, {"actor": f"a{number}"}) for number, name in enumerate(names)]
    await asyncio.gather(*said, return_exceptions=True)
    with suppress(WorkflowUpdateFailedError, RPCError):
        await handle.execute_update("resume", {"actor": "last"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    await no_task_failed(bench, handle)


async def test_thirty_skips_with_large_outputs_at_once_end_clearly(bench: Bench) -> None:
    many = {"items": list(range(30)), "max_parallel": 30}
    handle = await bench.start([{"id": "each", "type": "FAIL", "for_each": many, "retry": {"maximum_attempts": 1}}])
    await parked(bench, handle, 30)
    output = "x" * 250_000
    skips = [handle.execute_update("skip", {"step": f"each.{number}", "output": output}) for number in range(30)]
    answers = await asyncio.gather(*skips, return_exceptions=True)
    told = [answer for answer in answers if isinstance(answer, dict)]
    await handle.execute_update("discard", {"actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    await no_task_failed(bench, handle)
    taken = [unit for what, unit, _ in happenings(await histories(bench.client, handle.id)) if what == "given"]
    # Where the server breaks a workflow task off, who had sent an update beside it is not told how that went.
    assert len(told) <= len(taken)
    assert 1 <= len(taken) <= 6, "1.5 MiB hold six of them"


async def test_a_discard_and_a_cancel_at_once_end_the_job_once(idle: Bench, partner: Partner) -> None:
    async with working(idle):
        handle = await idle.start([{"id": "bad", "type": "FAIL", "retry": {"maximum_attempts": 1}}])
        await idle.until(handle, "bad", "DEAD_LETTERED")
    await handle.signal("discard", {"actor": "me"})
    await handle.cancel()
    async with working(idle):
        with suppress(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 60)
    check_closed_once(await histories(idle.client, handle.id))


async def parked(bench: Bench, handle: Handle, count: int) -> None:
    async def are() -> bool:
        return len((await handle.query("state"))["parked"]) == count

    await bench.eventually(are)


async def no_task_failed(bench: Bench, handle: Handle) -> None:
    for run in await histories(bench.client, handle.id):
        check_no_task_failed(run)
