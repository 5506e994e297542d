"""CPU seconds and peak memory of processes while something runs; used by the benchmarks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

_EVERY = 0.2


@dataclass
class Usage:
    """Per name: CPU seconds used, and the most memory held (MiB, resident)."""

    cpu: dict[str, float] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)


@asynccontextmanager
async def measured(pids: Mapping[str, int]) -> AsyncIterator[Usage]:
    """Fills the usage in until the block ends; children count with their parent."""
    usage = Usage(peak=dict.fromkeys(pids, 0.0))
    before = {name: _cpu(pid) for name, pid in pids.items()}
    sampler = asyncio.create_task(_sample(pids, usage))
    try:
        yield usage
    finally:
        sampler.cancel()
        usage.cpu = {name: _cpu(pid) - before[name] for name, pid in pids.items()}


async def _sample(pids: Mapping[str, int], usage: Usage) -> None:
    while True:
        for name, pid in pids.items():
            held = psutil.Process(pid).memory_info().rss / 2**20
            usage.peak[name] = max(usage.peak[name], held)
        await asyncio.sleep(_EVERY)


def _cpu(pid: int) -> float:
    total = 0.0
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total
