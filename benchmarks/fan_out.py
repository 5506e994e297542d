"""`python -m benchmarks.fan_out [ITEMS] [--uncompressed]`: a job's fan-out against a hand-written one.

Both forms, on one stack: (local) cheap items within the workflow task, (remote) an HTTP call an item; the plain side
is `asyncio.gather` over activities with a semaphore. Prints items/s, CPU ms an item and the ratios; default 1,000.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from temporalio.client import Client
from uuid_utils import uuid7

from benchmarks.partner import partner
from benchmarks.plain import connected
from benchmarks.plain_fan_out import QUEUE, FanOutCall, FanOutLocal, FanOutRemote
from benchmarks.usage import Usage, measured
from perdure.contract.identifier import DEFAULT_TENANT
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

AT_ONCE = 50
WANTED = 0.8


@dataclass
class Side:
    """One measured side."""

    name: str
    seconds: float
    usage: Usage


Work = Callable[[int], Awaitable[Any]]


async def side(name: str, work: Work, items: int, pids: dict[str, int]) -> Side:
    """Warm up with a tenth, then measure."""
    await work(max(1, items // 10))
    async with measured(pids) as usage:
        clock = time.monotonic()
        await work(items)
        seconds = time.monotonic() - clock
    return Side(name, seconds, usage)


def through_rest(api: httpx.AsyncClient, client: Client, step: dict[str, Any]) -> Work:
    """A job of one fan-out, submitted through REST, until Temporal has closed it."""

    async def work(items: int) -> None:
        many = {"items": list(range(items)), "max_parallel": AT_ONCE}
        answer = await api.post("/v1/jobs", json={"name": "bench", "steps": [{"id": "each", **step, "for_each": many}]})
        answer.raise_for_status()
        await client.get_workflow_handle(answer.json()["id"]).result()

    return work


def plainly(client: Client, kind: type, url: str) -> Work:
    """The hand-written workflow, started by the SDK."""

    async def work(items: int) -> None:
        call = FanOutCall(items=items, at_once=AT_ONCE, url=url)
        await client.execute_workflow(kind.__name__, call, id=f"{DEFAULT_TENANT}-plain-{uuid7()}", task_queue=QUEUE)

    return work


async def compare(items: int, stack: EmbeddedStack, url: str) -> None:
    """Measure all sides on one stack and print them."""
    info = stack.info
    client = await connected(info.temporal_address)
    headers = {"Authorization": f"Bearer {stack.plan.admin_key_file.read_text().strip()}"}
    plain = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "benchmarks.plain_fan_out", info.temporal_address, *sys.argv[1:]]
    )
    ours = {"temporal": info.pids.temporal, "worker": info.pids.worker}
    theirs = {"temporal": info.pids.temporal, "worker": plain.pid, "client": os.getpid()}
    say = {"type": "LOG", "with": {"message": "row ${ index }"}}
    call = {"type": "HTTP_CALL", "with": {"method": "POST", "url": url}}
    try:
        async with httpx.AsyncClient(base_url=info.api_url, headers=headers, timeout=60) as api:
            pairs = [
                (
                    await side(f"plain, {name}", plainly(client, kind, url), items, theirs),
                    await side(f"Perdure, {name}", through_rest(api, client, step), items, ours),
                )
                for name, kind, step in (("local", FanOutLocal, say), ("remote", FanOutRemote, call))
            ]
    finally:
        plain.kill()
        plain.wait()
    for theirs_, ours_ in pairs:
        for each in (theirs_, ours_):
            cpu = "  ".join(f"{who} {used / items * 1000:.2f}" for who, used in each.usage.cpu.items())
            print(f"{each.name:16} {items / each.seconds:7.1f} items/s   CPU ms an item: {cpu}")
        print(f"ratio {theirs_.seconds / ours_.seconds:.2f}   wanted >= {WANTED}")


async def main(items: int) -> None:
    """Start a stack of its own, measure, stop it."""
    with partner() as url:
        config = StackConfig(
            ephemeral=True, api_port=0, temporal_port=0, ui_port=0, env={"PERDURE_HTTP_ALLOWED_HOSTS": "127.0.0.1"}
        )
        async with EmbeddedStack(config) as stack:
            await compare(items, stack, url)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    asyncio.run(main(numbers[0] if numbers else 1_000))
