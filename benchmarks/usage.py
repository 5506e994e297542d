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
async def measured(pids: Mapping[str, int], client: int | None = None) -> AsyncIterator[Usage]:
    """Fills the usage in until the block ends; children count with their parent.

    `client`: a process that counts by itself alone, as it is the parent of others that are measured.
    """
    usage = Usage(peak=dict.fromkeys(pids, 0.0))
    before = _all(pids, client)
    sampler = asyncio.create_task(_sample(pids, usage))
    try:
        yield usage
    finally:
        sampler.cancel()
        usage.cpu = {name: used - before[name] for name, used in _all(pids, client).items()}


def _all(pids: Mapping[str, int], client: int | None) -> dict[str, float]:
    used = {name: sum(map(_cpu, _family(pid))) for name, pid in pids.items()}
    return used if client is None else {**used, "client": _cpu(psutil.Process(client))}


async def _sample(pids: Mapping[str, int], usage: Usage) -> None:
    while True:
        for name, pid in pids.items():
            held = psutil.Process(pid).memory_info().rss / 2**20
            usage.peak[name] = max(usage.peak[name], held)
        await asyncio.sleep(_EVERY)


def _family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
