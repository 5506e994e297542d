"""`make bench`: jobs of three steps through Perdure, against hand-written Temporal workflows, on one stack.

(a) Perdure through REST, projection on, three LOG steps   (c) three remote activities started by the SDK
(b) Perdure through REST, three HTTP_CALL steps            (d) three local activities
                                                           (e) as (c), each making the same HTTP call
Prints jobs/s, p50 and p99 of a job's life (by Temporal's own start and close times), CPU a job, peak memory
and the ratios. The sides take turns, four times, so that whatever else the machine does hits all of them.
`python -m benchmarks.throughput [JOBS] [--uncompressed]`, default 400. The hand-written sides compress what they
send, as the SDK does by itself (decision 0028), or not.
"""

import asyncio
import statistics
import subprocess
import sys
import time

from temporalio.client import Client
from uuid_utils import uuid7

from benchmarks.lag import RowWatch
from benchmarks.partner import partner
from benchmarks.plain import QUEUE, Calling, Local, Remote, connected
from benchmarks.side import Side, Start, call_steps, log_steps, spec, stack_pids
from benchmarks.submitter import Submitter
from perdure.contract.identifier import DEFAULT_TENANT
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

ROUNDS = 4
ALONE = 50
WARM_UP = 10


async def latency(start: Start) -> float:
    """Median milliseconds of one start after the other."""
    taken = []
    for number in range(ALONE):
        clock = time.perf_counter()
        await start(number)
        taken.append((time.perf_counter() - clock) * 1000)
    return statistics.median(taken)


async def compare(jobs: int, stack: EmbeddedStack, url: str) -> None:
    """Measure all sides on one stack and print them."""
    info = stack.info
    key = stack.plan.admin_key_file.read_text().strip()
    client = await connected(info.temporal_address)
    plain = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "benchmarks.plain", info.temporal_address, *sys.argv[1:]]
    )
    ours, watch = stack_pids(stack), RowWatch(info.database_url)
    theirs = {"temporal": ours["temporal"], "postgres": ours["postgres"], "worker": plain.pid}
    logs, calls = (Submitter(info.api_url, key, spec(steps)) for steps in (log_steps(), call_steps(url)))
    remote, local, calling = (_start(client, each, url) for each in (Remote, Local, Calling))
    sides = {
        "c": Side("(c) plain, 3 remote activities", "Remote", remote, client, theirs),
        "a": Side("(a) Perdure, 3 LOG steps, REST", "Job", logs.submit, client, ours),
        "d": Side("(d) plain, 3 local activities", "Local", local, client, theirs),
        "e": Side("(e) plain, 3 HTTP calls", "Calling", calling, client, theirs),
        "b": Side("(b) Perdure, 3 HTTP_CALL steps, REST", "Job", calls.submit, client, ours),
    }
    try:
        for side in sides.values():
            await asyncio.gather(*(side.start(number) for number in range(WARM_UP)))
        await asyncio.sleep(3)
        for number in range(ROUNDS):
            turns = list(sides.values())
            for side in turns if number % 2 == 0 else reversed(turns):
                async with watch.watching() if side.pids is ours else asyncio.timeout(None):
                    await side.measure(jobs // ROUNDS)
        behind = await watch.lags(client)
        submit_ms, start_ms = await latency(logs.submit), await latency(remote)
    finally:
        logs.close()
        calls.close()
        plain.kill()
        plain.wait()
    _print(sides, behind, submit_ms, start_ms)


def _start(client: Client, kind: type, url: str) -> Start:
    async def start(_: int) -> None:
        await client.start_workflow(kind.__name__, url, id=f"{DEFAULT_TENANT}-plain-{uuid7()}", task_queue=QUEUE)

    return start


def _print(sides: dict[str, Side], behind: list[float], submit_ms: float, start_ms: float) -> None:
    for name in sorted(sides):
        print(sides[name].told)
    rate = {name: side.rate for name, side in sides.items()}
    print(f"(a)/(c) {rate['a'] / rate['c']:.2f}   wanted >= 1.5")
    print(f"(a)/(d) {rate['a'] / rate['d']:.2f}   wanted >= 0.75")
    print(f"(b)/(e) {rate['b'] / rate['e']:.2f}   wanted >= 0.85")
    print(f"submission alone p50: REST {submit_ms:.1f} ms, SDK {start_ms:.1f} ms, ratio {submit_ms / start_ms:.2f}")
    print("                      wanted <= 1.5")
    p50, p99 = statistics.median(behind), behind[int(len(behind) * 0.99) - 1]
    print(f"an event to its row under load: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
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
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    asyncio.run(main(numbers[0] if numbers else 400))
