"""Control from outside, hard: what crosses in one workflow task, floods, many clients, a worker that is killed."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.contract.step_call import StepResult
from tests.integration.workflow.conftest import Bench, Handle
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
async def test_a_step_that_completes_as_the_cancel_arrives_is_undone(
    idle: Bench, partner: Partner, first: str
) -> None:
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
