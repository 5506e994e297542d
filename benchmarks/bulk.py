"""`python -m benchmarks.bulk [JOBS] [--rate N] [--canary N] [--kill] [--abort]`: parked jobs brought home a second.

Parks JOBS jobs (default 1,000), measures the life of fresh ones that come steadily with nothing else going on, then the
same while one bulk action retries all that is parked. Wanted: fresh jobs' p99 at most twice what it is without. At the
end every job must have been decided about once and have completed; else the exit code is 1. With --kill worker and
API are killed in the middle (kill -9; the stack starts them again), and fresh jobs are left out. With --abort a first
action is aborted after a quarter, and another one brings home the rest.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
from temporalio.client import Client

from benchmarks.submitter import Submitter
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

AT_ONCE = 32
FRESH_A_SECOND = 5
ALONE_SECONDS = 20
WANTED = 2.0
BODY = {"action": "retry", "filter": {"labels": {"bench": "bulk"}}, "reason": "bench"}
# What the journal says of each job of the bulk action: how often it was retried.
_RETRIED = """
SELECT count(*) AS jobs, count(*) FILTER (WHERE n = 1) AS once FROM (
    SELECT count(t.job_id) AS n FROM jobs AS j
    LEFT JOIN journal AS t ON t.job_id = j.id AND t.type = 'JOB_RETRY_REQUESTED'
    WHERE j.labels @> '{"bench": "bulk"}' AND j.status = 'COMPLETED' GROUP BY j.id
) AS each
"""


def _parking() -> dict[str, Any]:
    steps = [{"id": "a", "type": "FAIL", "with": {"times": 1}}, {"id": "b", "type": "LOG", "with": {"message": "x"}}]
    return {"name": "parked", "steps": steps, "labels": {"bench": "bulk"}}


def _fresh() -> dict[str, Any]:
    return {"name": "fresh", "steps": [{"id": f"s{n}", "type": "LOG", "with": {"message": "x"}} for n in range(3)]}


async def park(api: httpx.AsyncClient, client: Client, submitter: Submitter, jobs: int) -> int:
    """Submit the jobs and wait until all are parked; how many are.

    On a machine that is far too busy the only attempt of some is lost, and the next one succeeds: these are not parked.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await submitter.submit(number)

    await asyncio.gather(*(one(number) for number in range(jobs)))
    while True:
        open_ = (await client.count_workflows("WorkflowType='Job' AND ExecutionStatus='Running'")).count
        parked = (await api.post("/v1/bulk-actions", json=BODY | {"dry_run": True})).json()["total"]
        if parked == open_ > 0:
            return int(parked)
        await asyncio.sleep(1)


async def fresh(api: httpx.AsyncClient, client: Client, stop: asyncio.Event) -> list[float]:
    """Lives (ms, by Temporal's own times) of jobs that come steadily until `stop`."""
    waiting: list[asyncio.Task[float]] = []
    while not stop.is_set():
        waiting.append(asyncio.create_task(_life(api, client)))
        await asyncio.sleep(1 / FRESH_A_SECOND)
    return sorted(await asyncio.gather(*waiting))


async def _life(api: httpx.AsyncClient, client: Client) -> float:
    job_id = (await api.post("/v1/jobs", json=_fresh())).raise_for_status().json()["id"]
    handle = client.get_workflow_handle(job_id)
    await handle.result()
    seen = await handle.describe()
    assert seen.close_time is not None
    return (seen.close_time - seen.start_time).total_seconds() * 1000


Meanwhile = Callable[[str], Awaitable[None]]


async def bulk(
    api: httpx.AsyncClient, wanted: dict[str, Any], share: float, meanwhile: Meanwhile | None
) -> dict[str, Any]:
    """Retry all that is parked, and do something when that share is decided; the action once it has ended."""
    path = (await api.post("/v1/bulk-actions", json=wanted)).raise_for_status().headers["location"]
    while True:
        try:
            seen = (await api.get(path)).raise_for_status().json()
        except httpx.HTTPError:
            seen = {"finished_at": None, "counts": {}, "total": 1}  # the API is being started again
        if seen["finished_at"] is not None:
            return dict(seen)
        if meanwhile is not None and seen["counts"].get("ACCEPTED", 0) > seen["total"] * share:
            print(f"after {seen['counts']}:", flush=True)
            await meanwhile(path)
            meanwhile = None
        await asyncio.sleep(0.5)


def killing(stack: EmbeddedStack) -> Meanwhile:
    """Kills worker and API."""

    async def kill(_: str) -> None:
        print("killed worker and API", flush=True)
        for part in ("worker", "api"):
            os.kill(getattr(stack.info.pids, part), signal.SIGKILL)

    return kill


def aborting(api: httpx.AsyncClient) -> Meanwhile:
    """Aborts the action."""

    async def abort(path: str) -> None:
        print("aborted", flush=True)
        (await api.post(f"{path}/abort", json={"reason": "bench"})).raise_for_status()

    return abort


async def until_home(stack: EmbeddedStack, client: Client, jobs: int) -> tuple[int, int]:
    """How many of the jobs completed, and how many of these were retried once; when no job runs any more."""
    while (await client.count_workflows("WorkflowType='Job' AND ExecutionStatus='Running'")).count:
        await asyncio.sleep(0.2)
    database = await asyncpg.connect(stack.info.database_url.replace("postgresql+asyncpg", "postgresql"))
    try:
        deadline = time.monotonic() + 60
        while True:
            row = await database.fetchrow(_RETRIED)
            if row["jobs"] == jobs or time.monotonic() > deadline:
                return row["jobs"], row["once"]
            await asyncio.sleep(0.5)
    finally:
        await database.close()


def _told(alone: list[float], during: list[float]) -> None:
    for name, lives in (("alone", alone), ("during", during)):
        print(f"fresh jobs {name:6} ({len(lives)}): p50 {statistics.median(lives):.0f} ms  p99 {_p99(lives):.0f} ms")
    print(f"p99 during / alone {_p99(during) / _p99(alone):.2f}   wanted <= {WANTED}")


def _p99(lives: list[float]) -> float:
    return lives[max(0, int(len(lives) * 0.99) - 1)]


async def measure(given: argparse.Namespace, stack: EmbeddedStack) -> bool:
    """Measure on one stack and print; whether every job was decided about once and completed."""
    client = await Client.connect(stack.info.temporal_address)
    key = stack.plan.admin_key_file.read_text().strip()
    async with httpx.AsyncClient(
        base_url=stack.info.api_url, headers={"Authorization": f"Bearer {key}"}, timeout=60
    ) as api:
        parked = await park(api, client, Submitter(stack.info.api_url, key, _parking()), given.jobs)
        await asyncio.sleep(3)
        stop = asyncio.Event()
        if given.kill:
            stop.set()
        asyncio.get_running_loop().call_later(ALONE_SECONDS, stop.set)
        alone = await fresh(api, client, stop)
        stop = asyncio.Event()
        if given.kill:
            stop.set()
        beside = asyncio.create_task(fresh(api, client, stop))
        careful = {"rate_per_second": given.rate, "canary": given.canary, "canary_within": "1m"}
        wanted = BODY | {name: value for name, value in careful.items() if value is not None}
        clock = time.monotonic()
        parts: list[tuple[float, Meanwhile | None]] = [(0.25, aborting(api))] if given.abort else []
        parts.append((0.5, killing(stack) if given.kill else None))
        actions = [await bulk(api, wanted, *part) for part in parts]
        seconds = time.monotonic() - clock
        stop.set()
        during = await beside
        clock = time.monotonic()
        home, once = await until_home(stack, client, given.jobs)
    for action in actions:
        print(f"{action['total']} parked jobs: {action['status']} {action['counts']} {action['problem'] or ''}")
    print(f"decided {parked / seconds:.1f} jobs/s, the last came home {time.monotonic() - clock:.1f} s after")
    print(f"completed {home}, decided about once {once}")
    if alone and during:
        _told(alone, during)
    accepted = sum(action["counts"].get("ACCEPTED", 0) for action in actions)
    return bool(accepted == once == parked and home == given.jobs)


async def main(given: argparse.Namespace) -> bool:
    """Start a stack of its own, measure, stop it."""
    async with EmbeddedStack(StackConfig(ephemeral=True, api_port=0, temporal_port=0, ui_port=0)) as stack:
        return await measure(given, stack)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", type=int, nargs="?", default=1_000)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--canary", type=int)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--abort", action="store_true")
    sys.exit(0 if asyncio.run(main(parser.parse_args())) else 1)
