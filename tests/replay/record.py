"""Records the histories in tests/replay/histories from real jobs: `python -m tests.replay.record`.

Without names it records the cases that have no history yet. Never re-record an old one to make a replay pass.
"""

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowFailureError

from tests.integration.workflow.conftest import Bench, Handle, running_bench
from tests.replay.case import continuing, control, flow, local, policy, stopping, undoing
from tests.replay.case.part import Case, call
from tests.server.partner import Partner, running_partner
from tests.server.temporal import running_temporal

HISTORIES = Path(__file__).parent / "histories"


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


CASES: list[Case] = [
    listed_order,
    graph_with_retries,
    parked_and_retried,
    failed_without_dead_letter,
    expired,
    timed_out,
    canceled,
    continued,
    *flow.CASES,
    *local.CASES,
    *control.CASES,
    *undoing.CASES,
    *continuing.CASES,
    *policy.CASES,
    *stopping.CASES,
]


async def record(address: str, names: set[str]) -> None:
    async with running_bench(address, identity="recorder") as bench:
        wanted = [case for case in CASES if case.__name__ in names or not (names or _recorded(case))]
        async with asyncio.TaskGroup() as all_:
            for case in wanted:
                all_.create_task(_record(bench, case))


def _recorded(case: Case) -> bool:
    return bool(list(HISTORIES.glob(f"{case.__name__}*.json")))


async def _record(bench: Bench, case: Case) -> None:
    with running_partner() as partner:
        async with asyncio.timeout(60):
            handle = await case(bench, partner)
            await write(bench, handle.id, case.__name__)


async def write(bench: Bench, job_id: str, name: str) -> None:
    """All runs of a job, and its children's, which have to end too."""
    with contextlib.suppress(WorkflowFailureError):
        await bench.client.get_workflow_handle(job_id).result()
    described = (await bench.client.get_workflow_handle(job_id).describe()).raw_description
    run_id = described.workflow_execution_info.first_run_id
    runs = []
    while run_id:
        runs.append(await bench.client.get_workflow_handle(job_id, run_id=run_id).fetch_history())
        run_id = runs[-1].events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    for number, history in enumerate(runs, 1):
        suffix = f"-{number}" if len(runs) > 1 else ""
        (HISTORIES / f"{name}{suffix}.json").write_text(without_traces(history.to_json()) + "\n")
    started = [
        event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
        for history in runs
        for event in history.events
        if event.HasField("child_workflow_execution_started_event_attributes")
    ]
    for child in started:
        await write(bench, child, f"{name}.{child.removeprefix(job_id).strip('~')}")


def without_traces(history: str) -> str:
    """The same history without stack traces, which name the machine's folders; a replay does not read them."""

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in pairs if key != "stackTrace"}

    return json.dumps(json.loads(history, object_pairs_hook=kept), indent=2)


def main() -> None:
    """Records all cases, or those named as arguments."""
    HISTORIES.mkdir(exist_ok=True)
    config = ["limit.historyCount.suggestContinueAsNew=40"]
    with running_temporal(config) as address:
        asyncio.run(record(address, set(sys.argv[1:])))


if __name__ == "__main__":
    main()
