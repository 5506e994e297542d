"""`python -m benchmarks.projection [JOBS]`: the same jobs with the projection on and off; default 800 of each kind.

Two stacks stand side by side, one of them with a worker that projects nothing. Each is at rest while the other is
measured, in turns, so that whatever else the machine does hits both. Prints jobs/s, CPU a job and the ratios.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

from temporalio.client import Client

from benchmarks.partner import partner
from benchmarks.side import Side, call_steps, log_steps, spec, stack_pids
from benchmarks.submitter import Submitter
from perdure.embedded.config import StackConfig
from perdure.embedded.stack import EmbeddedStack

ROUNDS = 8
WARM_UP = 20
WANTED = 0.93


async def compare(jobs: int, stacks: dict[str, EmbeddedStack], url: str) -> None:
    """Measure both kinds of jobs on both stacks and print them."""
    kinds = {"3 LOG steps": log_steps(), "3 HTTP_CALL steps": call_steps(url)}
    for kind, steps in kinds.items():
        sides = {name: await _side(f"{kind}, {name}", stack, steps) for name, stack in stacks.items()}
        for number in range(ROUNDS):
            turns = list(sides.values())
            for side in turns if number % 2 == 0 else reversed(turns):
                await side.measure(jobs // ROUNDS)
                await asyncio.sleep(1)  # the rows of the last jobs
        for side in sides.values():
            side.close()
            print(side.told)
        ratio = sides["projection on"].rate / sides["projection off"].rate
        print(f"{kind}: on/off {ratio:.2f}   wanted >= {WANTED}")


async def _side(name: str, stack: EmbeddedStack, steps: list[dict[str, object]]) -> Side:
    client = await Client.connect(stack.info.temporal_address)
    key = stack.plan.admin_key_file.read_text().strip()
    submitter = Submitter(stack.info.api_url, key, spec(steps))
    await asyncio.gather(*(submitter.submit(number) for number in range(WARM_UP)))
    await asyncio.sleep(3)
    return Side(name, "Job", submitter.submit, client, stack_pids(stack), submitter.close)


async def main(jobs: int) -> None:
    """Start both stacks, measure, stop them."""
    with partner() as url:
        config = StackConfig(
            ephemeral=True, api_port=0, temporal_port=0, ui_port=0, env={"PERDURE_HTTP_ALLOWED_HOSTS": "127.0.0.1"}
        )
        bare = replace(
            config,
            api=(*config.api[:-1], "benchmarks.unprojected_api"),
            worker=(*config.worker[:-1], "benchmarks.unprojected"),
        )
        async with AsyncExitStack() as opened:
            stacks = {
                "projection on": await opened.enter_async_context(EmbeddedStack(config)),
                "projection off": await opened.enter_async_context(EmbeddedStack(bare)),
            }
            await compare(jobs, stacks, url)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 800))
