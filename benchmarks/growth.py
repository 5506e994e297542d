"""`python -m benchmarks.growth [STEPS]`: what a step costs as its job grows, without what any job costs.

Jobs of 1, 10, 100 and many steps, one job after the other, about as many steps in all each time (default 1,000), in
three rounds. A job of n steps costs F + n c; c between two sizes is the difference of what their jobs cost, divided by
the difference of their steps, so that F drops out and a c that grows with the job shows. Of three shapes: listed `LOG`
steps, made within the workflow task; listed ones as activities (`at_most_once` is never tried locally); items of one
fan-out. A spec has at most 500 steps. CPU of worker and server, projection included. Wanted flat within a fifth.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import httpx
from temporalio.client import Client

from benchmarks.usage import measured
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

ROUNDS = 3
FEWEST, MOST = 2, 60
"""Jobs of a size in a round."""
WANTED = 1.2

Steps = list[dict[str, Any]]


def listed(size: int, **fields: Any) -> Steps:
    """Steps one after the other."""
    return [{"id": f"s{number}", "type": "LOG", "with": {"message": "hello"}, **fields} for number in range(size)]


def remote(size: int) -> Steps:
    """The same as activities."""
    return listed(size, effect="at_most_once")


def fan_out(size: int) -> Steps:
    """One step of so many items."""
    many = {"items": list(range(size)), "max_parallel": 50}
    return [{"id": "each", "type": "LOG", "with": {"message": "hello ${ index }"}, "for_each": many}]


@dataclass(frozen=True)
class Shape:
    """Jobs that differ in size only."""

    name: str
    make: Callable[[int], Steps]
    sizes: tuple[int, ...]


SHAPES = (
    Shape("steps in the task", listed, (1, 10, 100, 500)),
    Shape("steps as activities", remote, (1, 10, 100, 500)),
    Shape("items of a fan-out", fan_out, (1, 10, 100, 1_000)),
)


@dataclass(frozen=True)
class Bench:
    """The stack under measurement."""

    stack: EmbeddedStack
    api: httpx.AsyncClient
    client: Client

    async def run(self, steps: Steps, jobs: int) -> None:
        """So many jobs of these steps, one after the other, each until Temporal has closed it."""
        for _ in range(jobs):
            answer = await self.api.post("/v1/jobs", json={"name": "bench", "steps": steps})
            answer.raise_for_status()
            await self.client.get_workflow_handle(answer.json()["id"]).result()

    async def cost(self, steps: Steps, jobs: int) -> float:
        """CPU ms a job, of worker and server; with what they still do a second later, for the projection lags."""
        info = self.stack.info
        async with measured({"temporal": info.pids.temporal, "worker": info.pids.worker}) as usage:
            await self.run(steps, jobs)
            await asyncio.sleep(1)
        return sum(usage.cpu.values()) / jobs * 1_000


async def growth(bench: Bench, shape: Shape, total: int) -> float:
    """Print what a step costs in each range of sizes; the last range's cost to the first's."""
    seen: dict[int, list[float]] = {size: [] for size in shape.sizes}
    for _ in range(ROUNDS):
        for size in shape.sizes:
            jobs = min(MOST, max(FEWEST, total // size))
            seen[size].append(await bench.cost(shape.make(size), jobs))
    costs = {size: median(found) for size, found in seen.items()}
    steps = {large: (costs[large] - costs[small]) / (large - small) for small, large in pairwise(shape.sizes)}
    first, last = shape.sizes[1], shape.sizes[-1]
    fixed = costs[shape.sizes[0]] - steps[first]
    told = "   ".join(f"to {size:5}: {cost:5.2f}" for size, cost in steps.items())
    ratio = steps[last] / steps[first]
    print(f"{shape.name:20} a job {fixed:6.1f}   a step, CPU ms   {told}   last to first {ratio:.2f}", flush=True)
    return ratio


async def main(total: int) -> None:
    """Start a stack of its own, measure, stop it."""
    config = StackConfig(ephemeral=True, api_port=0, temporal_port=0, ui_port=0)
    async with EmbeddedStack(config) as stack:
        client = await Client.connect(stack.info.temporal_address)
        headers = {"Authorization": f"Bearer {stack.plan.admin_key_file.read_text().strip()}"}
        async with httpx.AsyncClient(base_url=stack.info.api_url, headers=headers, timeout=60) as api:
            bench = Bench(stack, api, client)
            await bench.run(listed(10), 20)
            ratios = [await growth(bench, shape, total) for shape in SHAPES]
    flat = all(ratio <= WANTED for ratio in ratios)
    print(f"wanted: the last at most {WANTED} times the first: {'yes' if flat else 'no'}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
