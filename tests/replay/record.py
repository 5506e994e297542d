"""Records the histories in tests/replay/histories from real jobs: `python -m tests.replay.record`.

Run it when a construct is added; never re-record an old history to make a replay pass.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError

from tests.integration.workflow.conftest import Bench, Handle, running_bench
from tests.server.partner import Partner, running_partner
from tests.server.temporal import running_temporal

HISTORIES = Path(__file__).parent / "histories"
QUICK = {"maximum_attempts": 3, "initial_interval": "10ms"}


def call(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "HTTP_CALL", "with": {"url": f"{partner.url}/{id_}"}, "retry": QUICK, **fields}


async def listed_order(bench: Bench, partner: Partner) -> Handle:
    return await bench.start(
        [
            {"id": "hello", "type": "LOG", "with": {"message": "hello ${ input.who }"}},
            {"id": "twice", "type": "COMPUTE", "with": {"expression": "input.n * 2"}},
            {"id": "nap", "type": "SLEEP", "with": {"duration": "50ms"}},
            {"id": "never", "type": "LOG", "with": {"message": "no"}, "when": "${ input.n > 100 }"},
            call(partner, "fetch"),
        ],
        input={"who": "you", "n": 21},
        output={"n": "${ steps.twice.output }"},
    )


async def graph_with_retries(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/flaky"] = [503, 500, 200]
    return await bench.start(
        [
            call(partner, "flaky", depends_on=[]),
            call(partner, "other", depends_on=[]),
            {"id": "join", "type": "COMPUTE", "with": {"expression": "1"}, "depends_on": ["flaky", "other"]},
        ]
    )


async def parked_and_retried(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/pay"] = [404, 200]
    handle = await bench.start([call(partner, "order"), call(partner, "pay"), call(partner, "mail")])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    await handle.signal("nonsense", args=[1, 2])
    await handle.signal("retry")
    return handle


async def failed_without_dead_letter(bench: Bench, _: Partner) -> Handle:
    steps = [
        {"id": "no", "type": "FAIL", "with": {"message": "no"}},
        {"id": "after", "type": "LOG", "with": {"message": "never"}},
    ]
    return await bench.start(steps, dead_letter={"enabled": False})


async def expired(bench: Bench, _: Partner) -> Handle:
    return await bench.start(
        [{"id": "no", "type": "FAIL", "with": {"message": "no"}}], dead_letter={"retention": "50ms"}
    )


async def timed_out(bench: Bench, _: Partner) -> Handle:
    return await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}], timeout="50ms")


async def canceled(bench: Bench, _: Partner) -> Handle:
    handle = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
    await bench.until(handle, "nap", "WAITING")
    await handle.execute_update("cancel", {"actor": "key:ops", "reason": "enough"})
    return handle


async def continued(bench: Bench, partner: Partner) -> Handle:
    return await bench.start([call(partner, f"s{n}") for n in range(15)])


CASES: list[Callable[[Bench, Partner], Awaitable[Handle]]] = [
    listed_order,
    graph_with_retries,
    parked_and_retried,
    failed_without_dead_letter,
    expired,
    timed_out,
    canceled,
    continued,
]


async def record(address: str, partner: Partner, names: set[str]) -> None:
    async with running_bench(address, identity="recorder") as bench:
        for case in CASES:
            if names and case.__name__ not in names:
                continue
            partner.answers.clear()
            handle = await case(bench, partner)
            with contextlib.suppress(WorkflowFailureError):
                await handle.result()
            await write(bench, handle, case.__name__)


async def write(bench: Bench, handle: Handle, name: str) -> None:
    executions = [run async for run in bench.client.list_workflows(f'WorkflowId="{handle.id}"')]
    for number, run in enumerate(sorted(executions, key=lambda run: run.start_time), 1):
        history = await bench.client.get_workflow_handle(handle.id, run_id=run.run_id).fetch_history()
        suffix = f"-{number}" if len(executions) > 1 else ""
        (HISTORIES / f"{name}{suffix}.json").write_text(without_traces(history.to_json()) + "\n")


def without_traces(history: str) -> str:
    """The same history without stack traces, which name the machine's folders; a replay does not read them."""

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in pairs if key != "stackTrace"}

    return json.dumps(json.loads(history, object_pairs_hook=kept), indent=2)


def main() -> None:
    """Records all cases, or those named as arguments."""
    HISTORIES.mkdir(exist_ok=True)
    config = ["limit.historyCount.suggestContinueAsNew=40"]
    with running_temporal(config) as address, running_partner() as partner:
        asyncio.run(record(address, partner, set(sys.argv[1:])))


if __name__ == "__main__":
    main()
