"""The other side of `benchmarks.fan_out`: hand-written fan-outs, and their worker (`… ADDRESS`)."""

import asyncio
import sys
from dataclasses import dataclass

import httpx
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.plain import LIMIT, Caller, connected, say

QUEUE = "plain-fan-out"


@dataclass
class FanOutCall:
    """How many items, how many of them at once, and what is called for each."""

    items: int
    at_once: int
    url: str


@workflow.defn
class FanOutLocal:
    """Local activities."""

    @workflow.run
    async def run(self, call: FanOutCall) -> list[str]:
        """What they said, in order."""
        gate = asyncio.Semaphore(call.at_once)

        async def one(index: int) -> str:
            async with gate:
                return await workflow.execute_local_activity(say, f"row {index}", start_to_close_timeout=LIMIT)

        return await asyncio.gather(*(one(index) for index in range(call.items)))


@workflow.defn
class FanOutRemote:
    """Remote activities that call."""

    @workflow.run
    async def run(self, call: FanOutCall) -> list[int]:
        """The statuses, in order."""
        gate = asyncio.Semaphore(call.at_once)

        async def one() -> int:
            async with gate:
                status: int = await workflow.execute_activity(
                    "call", call.url, start_to_close_timeout=LIMIT, result_type=int
                )
                return status

        return await asyncio.gather(*(one() for _ in range(call.items)))


async def main(address: str) -> None:
    """Work until killed."""
    client = await connected(address)
    async with httpx.AsyncClient(timeout=60) as http:
        await Worker(
            client,
            task_queue=QUEUE,
            workflows=[FanOutLocal, FanOutRemote],
            activities=[say, Caller(http).call],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_concurrent_activities=200,
            disable_eager_activity_execution=True,
        ).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
