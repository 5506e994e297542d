"""Nothing from outside wedges a job; cancel ends it once; size ends in a clear failure."""

import asyncio
import random
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError
from temporalio.service import RPCError

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle, running_bench
from tests.server.partner import Partner
from tests.server.temporal import running_temporal

STRAY_ARGUMENTS: list[list[Any]] = [
    [],
    [None],
    [{}],
    [1, 2, 3],
    ["text"],
    [{"steps": "all"}],
    [{"steps": ["x"] * 3, "actor": 7}],
    [b"\xff\xfe"],
    [[[]], None],
    [{"actor": "a" * 5_000}],
]
STRAY_NAMES = ["retry", "cancel", "pause", "state", "", "🦊", "__init__", "x" * 900, "on_signal", "run"]


async def ended_as_canceled(handle: Handle) -> None:
    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(handle.result(), 60)
    assert isinstance(caught.value.cause, CancelledError)


async def test_b14_any_signal_or_update_leaves_the_job_going(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [404]
    step = {"id": "x", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/x"}}
    handle = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "1s"}}, step])
    chance = random.Random(14)
    for _ in range(3):
        for name in STRAY_NAMES:
            await handle.signal(name or "empty", args=chance.choice(STRAY_ARGUMENTS))
            if name != "cancel":
                with pytest.raises((WorkflowUpdateFailedError, RPCError)):
                    await asyncio.wait_for(handle.execute_update(name or "empty", args=[1, 2]), 60)
    await bench.until(handle, "x", "DEAD_LETTERED")
    partner.answers["/x"] = [200]
    await handle.signal("retry")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_a_workflow_started_with_something_else_fails_and_says_why(bench: Bench) -> None:
    cycle = {"id": "a", "type": "LOG", "depends_on": ["a"]}
    spec = {"name": "x", "steps": [cycle]}
    starts: list[list[Any]] = [[], [None], [7], [{"spec": {}}], [{"spec": spec, "tenant": "t"}]]
    for args in starts:
        handle = await bench.client.start_workflow(
            "Job", args=args, id=f"default:bad-{random.random()}", task_queue=f"perdure-{bench.queue}"
        )
        with pytest.raises(WorkflowFailureError) as caught:
            await asyncio.wait_for(handle.result(), 60)
        assert getattr(caught.value.cause, "type", None) == "ENGINE.SPEC_INVALID"


async def test_a_step_that_somebody_completes_with_something_else_parks_and_says_why(
    bench: Bench, partner: Partner
) -> None:
    partner.answers["/c"] = [500]
    step = {"id": "c", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/c"}, "retry": {"initial_interval": "1h"}}
    handle = await bench.start([step])
    async with asyncio.timeout(60):
        while not partner.calls["/c"]:
            await asyncio.sleep(0.05)
    by_hand = bench.client.get_async_activity_handle(workflow_id=handle.id, run_id=None, activity_id="c")
    await by_hand.complete("somebody's secret")
    await bench.until(handle, "c", "DEAD_LETTERED")
    await handle.cancel()
    memo = str(await (await handle.describe()).memo())
    assert "no step result: $: must be an object" in memo
    assert "somebody" not in memo


async def test_cancel_ends_a_sleeping_job(bench: Bench) -> None:
    handle = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
    await bench.until(handle, "nap", "WAITING")
    await handle.cancel()
    await ended_as_canceled(handle)


async def test_cancel_ends_a_parked_job(bench: Bench) -> None:
    handle = await bench.start([{"id": "x", "type": "FAIL", "with": {"message": "no"}}])
    await bench.until(handle, "x", "DEAD_LETTERED")
    await handle.cancel()
    await ended_as_canceled(handle)
    assert not (await handle.describe()).search_attributes.get("PerdureStatus")


async def test_cancel_ends_a_job_in_backoff(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [500]
    retry = {"initial_interval": "1h", "maximum_interval": "1h"}
    step = {"id": "x", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/x"}, "retry": retry}
    handle = await bench.start([step])
    async with asyncio.timeout(60):
        while partner.calls["/x"] < 1:
            await asyncio.sleep(0.02)
    await handle.cancel()
    await ended_as_canceled(handle)


async def test_the_cancel_update_ends_the_job_as_canceled_in_temporal_too(bench: Bench) -> None:
    handle = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
    await asyncio.gather(
        *(handle.execute_update("cancel", {"actor": "key:ops", "reason": "enough"}) for _ in range(3)),
        return_exceptions=True,
    )
    await ended_as_canceled(handle)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED
    requests = [
        event.workflow_execution_cancel_requested_event_attributes
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_execution_cancel_requested_event_attributes")
    ]
    assert [(request.identity, request.cause) for request in requests] == [("key:ops", "enough")]


async def test_cancel_against_completion_gives_one_terminal_state(bench: Bench) -> None:
    handles = [await bench.start([{"id": "a", "type": "LOG", "with": {"message": "x"}}]) for _ in range(20)]
    chance = random.Random(3)

    async def cancel(handle: Handle) -> None:
        await asyncio.sleep(chance.uniform(0, 0.3))
        await handle.cancel()

    await asyncio.gather(*(cancel(handle) for handle in handles), return_exceptions=True)
    await asyncio.gather(*(handle.result() for handle in handles), return_exceptions=True)
    final = {(await handle.describe()).status for handle in handles}
    assert final <= {WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.CANCELED}


async def test_b12_two_hundred_large_outputs_end_in_a_clear_failure(bench: Bench) -> None:
    steps = [{"id": f"s{n}", "type": "COMPUTE", "with": {"expression": "input"}, "depends_on": []} for n in range(200)]
    result = await bench.run(steps, input="x" * 250_000, dead_letter={"enabled": False})
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.FAILED, "ENGINE.STATE_TOO_LARGE")


async def test_b12_many_large_inputs_at_once_complete(bench: Bench) -> None:
    steps = [
        {
            "id": f"s{n}",
            "type": "COMPUTE",
            "with": {"operation": "hash", "value": "${ input }"},
            "depends_on": [],
        }
        for n in range(40)
    ]
    result = await bench.run(steps, input="x" * 500_000)
    assert result.status is JobStatus.COMPLETED


async def test_b12_parameters_over_the_limit_fail_their_step(bench: Bench) -> None:
    step = {"id": "a", "type": "LOG", "with": {"message": "${ input }${ input }${ input }"}}
    result = await bench.run([step], input="x" * 400_000, dead_letter={"enabled": False})
    assert result.error is not None
    assert result.error.code in {"ENGINE.INPUT_TOO_LARGE", "ENGINE.EXPRESSION"}


async def test_a_job_continues_as_new_with_its_state_sleeps_and_parked_steps(partner: Partner) -> None:
    partner.answers["/parks"] = [404, 200]
    chain: list[dict[str, Any]] = [
        {"id": f"s{n}", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/s"}} for n in range(60)
    ]
    for before, step in pairwise(chain):
        step["depends_on"] = [before["id"]]
    steps = [
        *chain,
        {"id": "nap", "type": "SLEEP", "with": {"duration": "6s"}, "depends_on": []},
        {"id": "parks", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/parks"}, "depends_on": []},
        {
            "id": "sum",
            "type": "COMPUTE",
            "with": {"expression": "steps.s0.output.status + steps.s59.output.body.call"},
            "depends_on": ["s59", "nap", "parks"],
        },
    ]
    config = ["limit.historyCount.suggestContinueAsNew=60"]
    with running_temporal(config) as address:
        async with running_bench(address) as bench:
            handle = await bench.start(steps)
            await bench.until(handle, "s59", "COMPLETED")
            assert (await bench.states(handle))["parks"] == "DEAD_LETTERED"
            assert (await handle.describe()).search_attributes.get("PerdureStatus") == ["DEAD_LETTERED"]
            await handle.signal("retry")
            result = await bench.finish(handle)
            runs = [run.run_id async for run in bench.client.list_workflows(f'WorkflowId="{handle.id}"')]
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"sum": 260})
    assert partner.calls["/parks"] == 2
    assert len(runs) > 3


async def test_b12_many_outputs_of_local_steps_in_one_workflow_task_complete(bench: Bench) -> None:
    steps = [{"id": f"s{n}", "type": "COMPUTE", "with": {"expression": "input"}, "depends_on": []} for n in range(70)]
    steps.append(
        {"id": "last", "type": "COMPUTE", "with": {"expression": "size(steps.s69.output)"}, "depends_on": ["s69"]}
    )
    result = await bench.run(steps, input="x" * 21_000, output="${ steps.last.output }")
    assert (result.status, result.output) == (JobStatus.COMPLETED, 21_000)


async def test_b12_deliveries_that_would_make_the_job_too_large_are_refused_and_the_job_goes_on(bench: Bench) -> None:
    hold = {"id": "hold", "type": "WAIT", "with": {"name": "hold"}}
    wait = {
        "id": "wait",
        "type": "WAIT",
        "for_each": {"items": list(range(12))},
        "with": {"name": "go", "timeout": "1s"},
    }
    handle = await bench.start([hold, wait], dead_letter={"enabled": False})
    answers = [await kept(handle, "deliver", {"name": "go", "payload": f"{n}" + "y" * 200_000}) for n in range(12)]
    assert answers[:6] == [None] * 6
    assert answers[-1] == "API.PAYLOAD_INVALID"
    await handle.execute_update("deliver", {"name": "hold"})
    result = await bench.finish(handle)
    assert result.error is not None
    assert result.error.code == "STEP.WAIT.TIMEOUT"


async def test_b12_patches_that_would_make_the_job_too_large_are_refused_and_the_job_goes_on(
    bench: Bench, partner: Partner
) -> None:
    steps = []
    for n in range(10):
        partner.answers[f"/x{n}"] = [404, 404, 200]
        step = {"id": f"x{n}", "type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/x{n}"}}
        steps.append({**step, "depends_on": []})
    handle = await bench.start(steps)
    for n in range(10):
        await bench.until(handle, f"x{n}", "DEAD_LETTERED")
    patch = {"json": "p" * 200_000}
    answers = [await kept(handle, "retry", {"steps": [f"x{n}"], "patch": {f"x{n}": patch}}) for n in range(10)]
    assert answers[0] is None
    assert answers[-1] == "API.VALIDATION"
    await handle.execute_update("discard", {"actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.FAILED


async def kept(handle: Handle, name: str, argument: dict[str, Any]) -> str | None:
    """The code an update is refused with; None where it is taken."""
    try:
        await handle.execute_update(name, argument)
    except WorkflowUpdateFailedError as failed:
        return getattr(failed.cause, "type", "?")
    return None
