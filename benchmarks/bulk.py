"""`python -m benchmarks.bulk [JOBS] [RATE]`: parked jobs brought home a second, and what fresh jobs notice of it.

Parks JOBS jobs (default 1,000), measures the life of fresh ones that come steadily with nothing else going on, then the
same while one bulk action retries all that is parked (at RATE a second where given). Wanted: fresh jobs' p99 at most
twice what it is without.
"""

import asyncio
import statistics
import sys
import time
from typing import Any

import httpx
from temporalio.client import Client

from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

AT_ONCE = 32
FRESH_A_SECOND = 5
ALONE_SECONDS = 20
WANTED = 2.0


def _parking() -> dict[str, Any]:
    steps = [{"id": "a", "type": "FAIL", "with": {"times": 1}}, {"id": "b", "type": "LOG", "with": {"message": "x"}}]
    return {"name": "parked", "steps": steps, "labels": {"bench": "bulk"}}


def _fresh() -> dict[str, Any]:
    return {"name": "fresh", "steps": [{"id": f"s{n}", "type": "LOG", "with": {"message": "x"}} for n in range(3)]}


async def park(api: httpx.AsyncClient, jobs: int) -> None:
    """Submit the jobs and wait until all are parked."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            (await api.post("/v1/jobs", json=_parking())).raise_for_status()

    await asyncio.gather(*(one() for _ in range(jobs)))
    wanted = {"action": "retry", "filter": {"labels": {"bench": "bulk"}}, "reason": "bench", "dry_run": True}
    while True:
        answer = (await api.post("/v1/bulk-actions", json=wanted)).json()
        if answer.get("total") == jobs:
            return
        await asyncio.sleep(0.5)


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


async def bulk(api: httpx.AsyncClient, rate: float | None) -> tuple[float, dict[str, Any]]:
    """Retry all that is parked; the seconds until the last decision, and the action."""
    wanted: dict[str, Any] = {"action": "retry", "filter": {"labels": {"bench": "bulk"}}, "reason": "bench"}
    clock = time.monotonic()
    answer = await api.post("/v1/bulk-actions", json=wanted | ({} if rate is None else {"rate_per_second": rate}))
    path = answer.raise_for_status().headers["location"]
    while (seen := (await api.get(path)).json())["finished_at"] is None:
        await asyncio.sleep(0.2)
    return time.monotonic() - clock, seen


async def measure(jobs: int, rate: float | None, stack: EmbeddedStack) -> None:
    """Measure on one stack and print."""
    client = await Client.connect(stack.info.temporal_address)
    headers = {"Authorization": f"Bearer {stack.plan.admin_key_file.read_text().strip()}"}
    async with httpx.AsyncClient(base_url=stack.info.api_url, headers=headers, timeout=60) as api:
        await park(api, jobs)
        await asyncio.sleep(3)
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(ALONE_SECONDS, stop.set)
        alone = await fresh(api, client, stop)
        stop = asyncio.Event()
        beside = asyncio.create_task(fresh(api, client, stop))
        seconds, action = await bulk(api, rate)
        stop.set()
        during = await beside
        clock = time.monotonic()
        while (await client.count_workflows("WorkflowType='Job' AND ExecutionStatus='Running'")).count:
            await asyncio.sleep(0.2)
    print(f"{jobs} parked jobs, rate {rate or 'not limited'}: {action['counts']}")
    print(f"decided {jobs / seconds:.1f} jobs/s, the last came home {time.monotonic() - clock:.1f} s after")
    for name, lives in (("alone", alone), ("during", during)):
        p99 = lives[max(0, int(len(lives) * 0.99) - 1)]
        print(f"fresh jobs {name:6} ({len(lives)}): p50 {statistics.median(lives):.0f} ms  p99 {p99:.0f} ms")
    ratio = during[max(0, int(len(during) * 0.99) - 1)] / alone[max(0, int(len(alone) * 0.99) - 1)]
    print(f"p99 during / alone {ratio:.2f}   wanted <= {WANTED}")


async def main(jobs: int, rate: float | None) -> None:
    """Start a stack of its own, measure, stop it."""
    async with EmbeddedStack(StackConfig(ephemeral=True, api_port=0, temporal_port=0, ui_port=0)) as stack:
        await measure(jobs, rate, stack)


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    asyncio.run(main(int(given[0]) if given else 1_000, given[1] if given[1:] else None))
