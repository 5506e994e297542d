"""`make bench`: jobs of three steps through Perdure, against hand-written Temporal workflows, on one stack.

(a) Perdure through REST, projection on, three LOG steps   (c) three remote activities started by the SDK
(b) Perdure through REST, three HTTP_CALL steps            (d) three local activities
                                                           (e) as (c), each making the same HTTP call
Prints jobs/s, p50 and p99 of a job's life (by Temporal's own start and close times), CPU a job, peak memory
and the ratios. `python -m benchmarks.throughput [JOBS]`, default 300.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from temporalio.client import Client
from uuid_utils import uuid7

from benchmarks.partner import partner
from benchmarks.plain import QUEUE, Calling, Local, Remote
from benchmarks.submitter import Submitter
from benchmarks.usage import Usage, measured
from perdure.contract.identifier import DEFAULT_TENANT
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

AT_ONCE = 32
ALONE = 50


@dataclass
class Run:
    """One measured side."""

    name: str
    jobs: int
    seconds: float
    lives: list[float]
    usage: Usage

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds


Start = Callable[[int], Awaitable[Any]]


async def run(name: str, jobs: int, start: Start, client: Client, kind: str, pids: dict[str, int]) -> Run:
    """Start `jobs` jobs, at most AT_ONCE starts under way, and wait until Temporal has closed them all."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await start(number)

    began = datetime.now(UTC) - timedelta(seconds=1)
    query = f"WorkflowType='{kind}' AND StartTime>='{began.isoformat()}' AND ExecutionStatus='Completed'"
    async with measured(pids, client=os.getpid()) as usage:
        clock = time.monotonic()
        await asyncio.gather(*(one(number) for number in range(jobs)))
        while (await client.count_workflows(query)).count < jobs:
            await asyncio.sleep(0.2)
        seconds = time.monotonic() - clock
    closed = [execution async for execution in client.list_workflows(query)]
    lives = [(each.close_time - each.start_time).total_seconds() for each in closed if each.close_time]
    return Run(name, jobs, seconds, sorted(lives), usage)


async def latency(start: Start) -> float:
    """Median milliseconds of one start after the other."""
    taken = []
    for number in range(ALONE):
        clock = time.perf_counter()
        await start(number)
        taken.append((time.perf_counter() - clock) * 1000)
    return statistics.median(taken)


async def lag(api: httpx.AsyncClient) -> list[float]:
    """Milliseconds from the last event of the newest 200 jobs to their rows."""
    page = (await api.get("/v1/jobs", params={"limit": 200})).json()
    return sorted(float(job["projection"]["lag_ms"]) for job in page["data"])


async def compare(jobs: int, stack: EmbeddedStack, url: str) -> None:
    """Measure all sides on one stack and print them."""
    info = stack.info
    key = stack.plan.admin_key_file.read_text().strip()
    client = await Client.connect(info.temporal_address)
    headers = {"Authorization": f"Bearer {key}"}
    logs, calls = (Submitter(info.api_url, key, _spec(steps)) for steps in (_log_steps(), _call_steps(url)))
    plain = subprocess.Popen([sys.executable, "-m", "benchmarks.plain", info.temporal_address])  # noqa: ASYNC220
    servers = {"temporal": info.pids.temporal, "postgres": info.pids.postgres}
    ours = {**servers, "worker": info.pids.worker, "api": info.pids.api}
    theirs = {**servers, "worker": plain.pid}
    try:
        async with httpx.AsyncClient(base_url=info.api_url, headers=headers, timeout=60) as api:
            remote, local, calling = (_start(client, each, url) for each in (Remote, Local, Calling))
            for warm in (logs.submit, remote, calls.submit):
                await asyncio.gather(*(warm(number) for number in range(10)))
            await asyncio.sleep(3)
            runs = {
                "c": await run("(c) plain, 3 remote activities", jobs, remote, client, "Remote", theirs),
                "a": await run("(a) Perdure, 3 LOG steps, REST", jobs, logs.submit, client, "Job", ours),
                "d": await run("(d) plain, 3 local activities", jobs, local, client, "Local", theirs),
                "e": await run("(e) plain, 3 HTTP calls", jobs, calling, client, "Calling", theirs),
                "b": await run("(b) Perdure, 3 HTTP_CALL steps, REST", jobs, calls.submit, client, "Job", ours),
            }
            await asyncio.sleep(3)
            lags = await lag(api)
            submit_ms, start_ms = await latency(logs.submit), await latency(remote)
    finally:
        logs.close()
        calls.close()
        plain.kill()
        plain.wait()
    _print(runs, lags, submit_ms, start_ms)


def _log_steps() -> list[dict[str, Any]]:
    return [{"id": f"s{n}", "type": "LOG", "with": {"message": "hello"}} for n in range(3)]


def _call_steps(url: str) -> list[dict[str, Any]]:
    return [{"id": f"s{n}", "type": "HTTP_CALL", "with": {"method": "POST", "url": url}} for n in range(3)]


def _spec(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": "bench", "steps": steps}


def _start(client: Client, kind: type, url: str) -> Start:
    async def start(_: int) -> None:
        await client.start_workflow(kind.__name__, url, id=f"{DEFAULT_TENANT}-plain-{uuid7()}", task_queue=QUEUE)

    return start


def _print(runs: dict[str, Run], lags: list[float], submit_ms: float, start_ms: float) -> None:
    for name in sorted(runs):
        each = runs[name]
        p50, p99 = statistics.median(each.lives), each.lives[int(len(each.lives) * 0.99) - 1]
        cpu = "  ".join(f"{who} {seconds / each.jobs * 1000:.1f}" for who, seconds in each.usage.cpu.items())
        peak = "  ".join(f"{who} {held:.0f}" for who, held in each.usage.peak.items())
        print(f"{each.name:38} {each.rate:6.1f} jobs/s   life p50 {p50 * 1000:5.0f} ms  p99 {p99 * 1000:5.0f} ms")
        total = sum(each.usage.cpu.values()) / each.jobs * 1000
        print(f"{'':38} CPU ms a job: {cpu}  together {total:.1f}   peak MiB: {peak}")
    rate = {name: each.rate for name, each in runs.items()}
    print(f"(a)/(c) {rate['a'] / rate['c']:.2f}   wanted >= 1.5")
    print(f"(a)/(d) {rate['a'] / rate['d']:.2f}   wanted >= 0.75")
    print(f"(b)/(e) {rate['b'] / rate['e']:.2f}   wanted >= 0.85")
    print(f"submission alone p50: REST {submit_ms:.1f} ms, SDK {start_ms:.1f} ms, ratio {submit_ms / start_ms:.2f}")
    print("                      wanted <= 1.5")
    print(
        f"event to row under load: p50 {statistics.median(lags):.0f} ms, p99 {lags[int(len(lags) * 0.99) - 1]:.0f} ms"
    )
    print("                      wanted <= 1000 ms")


async def main(jobs: int) -> None:
    """Start a stack of its own, measure, stop it."""
    with partner() as url:
        config = StackConfig(
            ephemeral=True, api_port=0, temporal_port=0, ui_port=0, env={"PERDURE_HTTP_ALLOWED_HOSTS": "127.0.0.1"}
        )
        async with EmbeddedStack(config) as stack:
            await compare(jobs, stack, url)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
