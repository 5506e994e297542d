"""A worker that is killed between the decision to start another job and that job's first step."""

import asyncio
import contextlib
import signal
import sys
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.contract.name import task_queue
from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.working import working
from tests.server.partner import Partner


async def test_b6_a_child_starts_once_though_the_worker_is_killed_in_between(
    temporal_address: str, partner: Partner
) -> None:
    await asyncio.gather(
        see(temporal_address, partner, "decision", "step"),
        see(temporal_address, partner, "decision", "dependent"),
        see(temporal_address, partner, "child", "step"),
    )


async def see(address: str, partner: Partner, moment: str, how: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    bench = Bench(client, f"t{uuid4().hex[:12]}")
    path = f"/{moment}-{how}"
    steps, fields, suffix = started(bench, partner, path, how)
    handle = await bench.start(steps, **fields)
    await killed(address, bench.queue, moment)
    assert partner.calls[path] == 0
    child = bench.client.get_workflow_handle(handle.id + suffix)
    async with working(bench, "heir/2"):
        assert (await bench.finish(handle)).status is JobStatus.COMPLETED
        assert (await bench.finish(child)).status is JobStatus.COMPLETED
    assert partner.calls[path] == 1
    described = (await child.describe()).raw_description.workflow_execution_info
    assert described.first_run_id == described.execution.run_id
    assert await starts(handle) == [handle.id + suffix]


def started(bench: Bench, partner: Partner, path: str, how: str) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """A job that starts another which calls the path: its steps, its other fields, and what the other's id ends in."""
    call = {"id": "call", "type": "HTTP_CALL", "with": {"url": partner.url + path}}
    job = {"name": "child", "queue": bench.queue, "steps": [call]}
    if how == "step":
        return [{"id": "run", "type": "JOB", "with": {"job": job}}], {}, "~run"
    hello = {"id": "hello", "type": "LOG", "with": {"message": "hello"}}
    return [hello], {"dependents": [{"name": "next", "when": "success", "job": job}]}, "~~next"


async def killed(address: str, queue: str, moment: str) -> None:
    """Run a worker until it has killed itself."""
    module = "tests.integration.workflow.doomed_worker"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, address, task_queue(queue), moment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def starts(handle: Handle) -> list[str]:
    """The ids of the children that the job started."""
    return [
        event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
    ]
