"""A worker with the real steps, in the test's process, and a bench to start jobs on it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.contract.execution import JobResult, JobStart
from perdure.contract.limit import JobLimits
from perdure.contract.name import JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec, effective
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.settings import Settings
from worker.mark import MarkSet
from worker.queue_worker import make_worker

Handle = WorkflowHandle[Any, Any]


class Bench:
    """Starts jobs on a queue of its own and waits for what tests look for."""

    def __init__(self, client: Client, queue: str) -> None:
        self.client = client
        self.queue = queue

    async def start(
        self,
        steps: list[dict[str, Any]],
        *,
        id_: str | None = None,
        memo: dict[str, Any] | None = None,
        limits: JobLimits | None = None,
        kept: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Handle:
        body = {"name": "test", "steps": steps, "queue": self.queue, **fields}
        spec = effective(JobSpec.model_validate_json(json.dumps(body)))
        return await self.client.start_workflow(
            JOB_WORKFLOW,
            JobStart(spec=spec, tenant="default", limits=limits or JobLimits(), kept=kept or {}),
            id=id_ or f"default:{uuid4().hex}",
            task_queue=task_queue(self.queue),
            memo=memo,
        )

    async def finish(self, handle: Handle) -> JobResult:
        """The job's result; for a failed job the one in the failure's details."""
        try:
            return JobResult.model_validate(await asyncio.wait_for(handle.result(), 60), strict=False)
        except WorkflowFailureError as failure:
            details: Sequence[Any] = getattr(failure.cause, "details", [])
            return JobResult.model_validate(details[0], strict=False)

    async def states(self, handle: Handle) -> dict[str, str]:
        return {step: state["status"] for step, state in (await handle.query("state"))["steps"].items()}

    async def canceled(self, handle: Handle) -> bool:
        """Whether the job, once it has ended, ended as canceled."""
        try:
            await asyncio.wait_for(handle.result(), 60)
        except WorkflowFailureError as failure:
            return isinstance(failure.cause, CancelledError)
        return False

    async def let_pass(self, seconds: float) -> None:
        """Give something that must not happen the time to happen."""
        await asyncio.sleep(seconds)

    async def until_started(self, handle: Handle) -> None:
        """Wait until the workflow of that id exists."""

        async def exists() -> bool:
            try:
                await handle.describe()
            except RPCError:
                return False
            return True

        await self.eventually(exists)

    async def eventually(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(60):
            while not await holds():
                await asyncio.sleep(0.02)

    async def until(self, handle: Handle, step: str, status: str) -> None:
        """Wait until a step has a status."""
        async with asyncio.timeout(60):
            while (await self.states(handle)).get(step) != status:
                await asyncio.sleep(0.02)

    async def run(self, steps: list[dict[str, Any]], **fields: Any) -> JobResult:
        return await self.finish(await self.start(steps, **fields))


@asynccontextmanager
async def running_bench(address: str, identity: str | None = None, **settings: Any) -> AsyncIterator[Bench]:
    client = await Client.connect(address, data_converter=pydantic_data_converter, identity=identity)
    queue = f"t{uuid4().hex[:12]}"
    async with guarded_client(EgressPolicy.of(allow_private=True, allowed_hosts=[])) as http:
        runtime = StepRuntime(worker=identity or f"test/{os.getpid()}", http=http, secrets=SecretStore(os.environ))
        worker = make_worker(client, Settings(**settings), queue, all_activities(runtime), MarkSet())
        async with worker:
            yield Bench(client, queue)


@pytest.fixture(scope="module")
async def bench(temporal_address: str) -> AsyncIterator[Bench]:
    async with running_bench(temporal_address) as running:
        yield running
