"""`python -m benchmarks.growth [STEPS]`: what a step costs as its job grows.

About as many steps in all each time (default 1,000), as jobs of 10, 100 and 500 listed `LOG` steps and one of a
fan-out of 1,000 items, one job after the other. Prints CPU ms and wall ms a step; wanted flat within a fifth.
"""

import asyncio
import sys
import time
from typing import Any

import httpx
from temporalio.client import Client

from benchmarks.usage import measured
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

SIZES = (10, 100, 500)
ITEMS = 1_000
WANTED = 1.2


def listed(size: int) -> list[dict[str, Any]]:
    """Steps one after the other."""
    return [{"id": f"s{number}", "type": "LOG", "with": {"message": "hello"}} for number in range(size)]


def fan_out(size: int) -> list[dict[str, Any]]:
    """One step of so many items."""
    many = {"items": list(range(size)), "max_parallel": 50}
    return [{"id": "each", "type": "LOG", "with": {"message": "hello ${ index }"}, "for_each": many}]


async def run(api: httpx.AsyncClient, client: Client, steps: list[dict[str, Any]], jobs: int) -> None:
    """So many jobs of these steps, one after the other, each until Temporal has closed it."""
    for _ in range(jobs):
        answer = await api.post("/v1/jobs", json={"name": "bench", "steps": steps})
        answer.raise_for_status()
        await client.get_workflow_handle(answer.json()["id"]).result()


async def cost(
    stack: EmbeddedStack, api: httpx.AsyncClient, client: Client, steps: list[dict[str, Any]], size: int, total: int
) -> float:
    """Print one line; CPU ms a step of worker and server together."""
    jobs = max(1, total // size)
    pids = {"temporal": stack.info.pids.temporal, "worker": stack.info.pids.worker}
    async with measured(pids) as usage:
        clock = time.monotonic()
        await run(api, client, steps, jobs)
        seconds = time.monotonic() - clock
    count = jobs * size
    cpu = {who: used / count * 1000 for who, used in usage.cpu.items()}
    told = "  ".join(f"{who} {used:.2f}" for who, used in cpu.items())
    kind = "items" if len(steps) == 1 else "steps"
    print(f"{jobs:4} jobs of {size:5} {kind}   wall ms a step {seconds / count * 1000:6.2f}   CPU ms a step: {told}")
    return sum(cpu.values())


async def main(total: int) -> None:
    """Start a stack of its own, measure, stop it."""
    config = StackConfig(ephemeral=True, api_port=0, temporal_port=0, ui_port=0)
    async with EmbeddedStack(config) as stack:
        client = await Client.connect(stack.info.temporal_address)
        headers = {"Authorization": f"Bearer {stack.plan.admin_key_file.read_text().strip()}"}
        async with httpx.AsyncClient(base_url=stack.info.api_url, headers=headers, timeout=60) as api:
            await run(api, client, listed(10), 10)
            costs = {size: await cost(stack, api, client, listed(size), size, total) for size in SIZES}
            items = await cost(stack, api, client, fan_out(ITEMS), ITEMS, total)
    first, last = SIZES[0], SIZES[-1]
    print(f"{last} steps to {first}: {costs[last] / costs[first]:.2f}   wanted <= {WANTED}")
    print(f"{ITEMS} items to {first} steps: {items / costs[first]:.2f}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
