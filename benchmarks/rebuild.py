"""`python -m benchmarks.rebuild [JOBS]`: how fast the projection is folded again, by a worker with nothing else to do.

Runs JOBS jobs (default 1,000) of three LOG steps on a stack of its own, then asks through REST for a check, for a
rebuild of tables that are right, and for one of tables that were emptied. Prints jobs/s and CPU a job, and fails
where a digest differs or a rebuild is below 300 jobs/s.
"""

import asyncio
import sys
import time
from datetime import datetime
from typing import Any

import asyncpg
import httpx

from benchmarks.usage import Usage, measured
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack
from perdure.store.shadow import COMPARED

AT_ONCE = 32
WANTED = 300.0
STEPS = [{"id": f"s{number}", "type": "LOG", "with": {"message": "hello"}} for number in range(3)]
PROJECTED = ", ".join(table.name for table in COMPARED)


async def submit(api: httpx.AsyncClient, database: asyncpg.Connection, jobs: int) -> None:
    """Run so many jobs and wait until all are projected."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            (await api.post("/v1/jobs", json={"name": "bench", "steps": STEPS})).raise_for_status()

    await asyncio.gather(*(one() for _ in range(jobs)))
    while await database.fetchval("SELECT count(*) FROM jobs WHERE status = 'COMPLETED'") < jobs:
        await asyncio.sleep(0.5)
    await asyncio.sleep(3)


async def operate(api: httpx.AsyncClient, verb: str, pids: dict[str, int]) -> tuple[dict[str, Any], Usage]:
    """Ask, wait, and give what was found with the CPU it took."""
    async with measured(pids) as usage:
        asked = (await api.post(f"/v1/projection/{verb}")).raise_for_status().json()
        deadline = time.monotonic() + 600
        while True:
            found = (await api.get("/v1/projection")).json()["operations"]
            (operation,) = [each for each in found if each["id"] == asked["id"]]
            if operation["finished_at"]:
                return operation, usage
            if time.monotonic() > deadline:
                raise TimeoutError(operation)
            await asyncio.sleep(0.2)


def rate(operation: dict[str, Any]) -> float:
    """Jobs a second, from its first page to its last."""
    begun, ended = (datetime.fromisoformat(operation[name]) for name in ("started_at", "finished_at"))
    return float(operation["counts"]["jobs"] / (ended - begun).total_seconds())


def tell(name: str, operation: dict[str, Any], usage: Usage) -> None:
    """Print one line."""
    jobs = operation["counts"]["jobs"]
    cpu = "  ".join(f"{who} {seconds / jobs * 1000:.2f}" for who, seconds in usage.cpu.items())
    counts = ", ".join(f"{number} {what}" for what, number in operation["counts"].items() if number)
    print(f"{name:26} {rate(operation):6.0f} jobs/s   {counts}   digest {operation['digest']}", flush=True)
    print(f"{'':26} CPU ms a job: {cpu}   peak MiB: {usage.peak['worker']:.0f}", flush=True)


async def compare(stack: EmbeddedStack, jobs: int) -> bool:
    """Whether all is as it is wanted."""
    info = stack.info
    key = stack.plan.admin_key_file.read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    pids = {"worker": info.pids.worker, "temporal": info.pids.temporal, "postgres": info.pids.postgres}
    connection = await asyncpg.connect(info.database_url.replace("+asyncpg", ""))
    async with httpx.AsyncClient(base_url=info.api_url, headers=headers, timeout=60) as api:
        await submit(api, connection, jobs)
        check, usage = await operate(api, "check", pids)
        tell("check", check, usage)
        same, usage = await operate(api, "rebuild", pids)
        tell("rebuild, all is right", same, usage)
        await connection.execute(f"TRUNCATE {PROJECTED}")
        anew, usage = await operate(api, "rebuild", pids)
        tell("rebuild from empty tables", anew, usage)
    equal = check["digest"] == same["digest"] == anew["digest"]
    await connection.close()
    print(f"digests {'equal' if equal else 'differ'}; wanted: rebuild >= {WANTED:.0f} jobs/s")
    return equal and min(rate(same), rate(anew)) >= WANTED and anew["counts"]["jobs"] == jobs


async def main(jobs: int) -> int:
    """The exit code."""
    async with EmbeddedStack(StackConfig(ephemeral=True, api_port=0, temporal_port=0, ui_port=0)) as stack:
        return 0 if await compare(stack, jobs) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)))
