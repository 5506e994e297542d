"""A worker in a process of its own, to be killed: `python -m … <temporal address> <task queue>`.

Its step HANG says on stdout that it runs, and sleeps.
"""

import asyncio
import sys
from typing import Any

from pydantic import BaseModel
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.steps import StepContext, step
from perdure.steps.definition import definition_of
from tests.integration.activities.harness import runtime_with, worker


class Nothing(BaseModel):
    pass


@step("HANG")
async def hang(ctx: StepContext, params: Nothing) -> Any:
    if ctx.attempt == 1:
        ctx.heartbeat(progress="hanging", checkpoint=41)
        await asyncio.sleep(0.5)  # the heartbeat goes out
        print("running", flush=True)  # noqa: T201  the test waits for it
        await asyncio.sleep(60)
    return ctx.checkpoint


async def main(address: str, queue: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with guarded_client(EgressPolicy()) as http:
        runtime = runtime_with(http, worker="doomed/1")
        # Nothing cached: else the server offers the workflow's next task to the dead process for ten seconds.
        async with worker(client, runtime, queue, [definition_of(hang)], max_cached_workflows=0):
            await asyncio.sleep(120)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
