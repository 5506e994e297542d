"""The other side: hand-written plain Temporal workflows with three activities, and their worker.

Run by `benchmarks.throughput` as `python -m benchmarks.plain ADDRESS`.
"""

import asyncio
import sys
from datetime import timedelta

import httpx
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import GrpcCompression
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "plain"
LIMIT = timedelta(minutes=5)


UNCOMPRESSED = "--uncompressed"
"""An argument of the benchmarks: the plain sides then do without compression, as Perdure does."""


async def connected(address: str) -> Client:
    """As the SDK connects by itself, compressed, unless told otherwise."""
    if UNCOMPRESSED in sys.argv:
        return await Client.connect(address, grpc_compression=GrpcCompression.NONE)
    return await Client.connect(address)


@activity.defn
async def say(text: str) -> str:
    """As cheap as the step LOG."""
    return text


class Caller:
    """Makes the same HTTP call as the step HTTP_CALL."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @activity.defn(name="call")
    async def call(self, url: str) -> int:
        """The answer's status."""
        return (await self._http.post(url)).status_code


@workflow.defn
class Remote:
    """Three remote activities, one after the other."""

    @workflow.run
    async def run(self, text: str) -> str:
        """The last one's answer."""
        for _ in range(3):
            text = await workflow.execute_activity(say, text, start_to_close_timeout=LIMIT)
        return text


@workflow.defn
class Local:
    """Three local activities, one after the other."""

    @workflow.run
    async def run(self, text: str) -> str:
        """The last one's answer."""
        for _ in range(3):
            text = await workflow.execute_local_activity(say, text, start_to_close_timeout=LIMIT)
        return text


@workflow.defn
class Calling:
    """Three HTTP calls in remote activities, one after the other."""

    @workflow.run
    async def run(self, url: str) -> int:
        """The last call's status."""
        status = 0
        for _ in range(3):
            status = await workflow.execute_activity("call", url, start_to_close_timeout=LIMIT, result_type=int)
        return status


async def main(address: str) -> None:
    """Work until killed."""
    client = await connected(address)
    async with httpx.AsyncClient(timeout=60) as http:
        await Worker(
            client,
            task_queue=QUEUE,
            workflows=[Remote, Local, Calling],
            activities=[say, Caller(http).call],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_concurrent_activities=200,
            disable_eager_activity_execution=True,
        ).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
