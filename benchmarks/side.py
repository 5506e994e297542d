"""One side of a comparison: jobs started in rounds, waited for, and measured. For `throughput` and `projection`."""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from benchmarks.usage import measured
from perdure.embedded.stack import EmbeddedStack

AT_ONCE = 32

Start = Callable[[int], Awaitable[Any]]


def _nothing() -> None:
    """Nothing is open."""


@dataclass
class Side:
    """`kind` is the workflow type that `start` starts; `pids` are the processes whose CPU counts."""

    name: str
    kind: str
    start: Start
    client: Client
    pids: dict[str, int]
    close: Callable[[], None] = _nothing
    jobs: int = 0
    seconds: float = 0.0
    lives: list[float] = field(default_factory=list)
    cpu: Counter[str] = field(default_factory=Counter)
    peak: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds

    async def measure(self, jobs: int) -> None:
        """Start so many jobs, at most AT_ONCE starts under way, and wait until Temporal has closed them all."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                await self.start(number)

        began = datetime.now(UTC) - timedelta(milliseconds=10)
        query = f"WorkflowType='{self.kind}' AND StartTime>='{began.isoformat()}' AND ExecutionStatus='Completed'"
        async with measured(self.pids, client=os.getpid()) as usage:
            clock = time.monotonic()
            await asyncio.gather(*(one(number) for number in range(jobs)))
            while (await self.client.count_workflows(query)).count < jobs:
                await asyncio.sleep(0.2)
            self.seconds += time.monotonic() - clock
        self.jobs += jobs
        self.cpu.update(usage.cpu)
        self.peak = {who: max(held, self.peak.get(who, 0.0)) for who, held in usage.peak.items()}
        closed = [execution async for execution in self.client.list_workflows(query)]
        self.lives += [(each.close_time - each.start_time).total_seconds() for each in closed if each.close_time]

    @property
    def told(self) -> str:
        """What was measured, in two lines."""
        lives = sorted(self.lives)
        p50, p99 = statistics.median(lives), lives[int(len(lives) * 0.99) - 1]
        cpu = "  ".join(f"{who} {seconds / self.jobs * 1000:.1f}" for who, seconds in self.cpu.items())
        together = sum(self.cpu.values()) / self.jobs * 1000
        peak = "  ".join(f"{who} {held:.0f}" for who, held in self.peak.items())
        return (
            f"{self.name:38} {self.rate:6.1f} jobs/s   life p50 {p50 * 1000:5.0f} ms  p99 {p99 * 1000:5.0f} ms\n"
            f"{'':38} CPU ms a job: {cpu}  together {together:.1f}   peak MiB: {peak}"
        )


def stack_pids(stack: EmbeddedStack) -> dict[str, int]:
    """The processes of a stack, by name."""
    pids = stack.info.pids
    return {"temporal": pids.temporal, "postgres": pids.postgres, "worker": pids.worker, "api": pids.api}


def spec(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A job of these steps."""
    return {"name": "bench", "steps": steps}


def log_steps() -> list[dict[str, Any]]:
    """The cheapest steps there are."""
    return [{"id": f"s{n}", "type": "LOG", "with": {"message": "hello"}} for n in range(3)]


def call_steps(url: str) -> list[dict[str, Any]]:
    """Steps that each ask the partner."""
    return [{"id": f"s{n}", "type": "HTTP_CALL", "with": {"method": "POST", "url": url}} for n in range(3)]
