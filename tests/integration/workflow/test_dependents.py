"""Dependents: child workflows with the documented ids, started once, outliving their parent."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle
from tests.server.partner import Partner


def job(bench: Bench, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "child", "queue": bench.queue, "steps": list(steps), **fields}


def compute(expression: str) -> dict[str, Any]:
    return {"id": "c", "type": "COMPUTE", "with": {"expression": expression}}


async def child(bench: Bench, parent: Handle, suffix: str) -> dict[str, Any]:
    handle = bench.client.get_workflow_handle(f"{parent.id}{suffix}")
    await bench.until_started(handle)
    result: dict[str, Any] = await asyncio.wait_for(handle.result(), 60)
    return result


async def exists(bench: Bench, id_: str) -> bool:
    try:
        await bench.client.get_workflow_handle(id_).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def test_a_dependent_starts_after_success_with_input_from_its_parent(bench: Bench) -> None:
    mail = {
        "name": "mail",
        "when": "success",
        "job": job(bench, compute("input.n + 1"), input={"n": "${ steps.c.output }"}),
    }
    alarm = {"name": "alarm", "when": "failure", "job": job(bench, compute("0"))}
    handle = await bench.start([compute("41")], dependents=[mail, alarm], labels={"team": "x"}, correlation_id="o-1")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert (await child(bench, handle, "~~mail"))["output"] == {"c": 42}
    description = await bench.client.get_workflow_handle(f"{handle.id}~~mail").describe()
    assert description.search_attributes["PerdureCorrelationId"] == ["o-1"]
    assert not await exists(bench, f"{handle.id}~~alarm")


@pytest.mark.parametrize("ending", ["failure", "timeout", "cancel"])
async def test_what_waits_for_an_end_starts_at_that_end(bench: Bench, ending: str) -> None:
    dependents = [
        {"name": when, "when": when, "job": job(bench, compute("1"))} for when in ("success", "failure", "always")
    ]
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}
    fails = {"id": "no", "type": "FAIL", "with": {"message": "no"}}
    handle = await bench.start(
        [fails if ending == "failure" else nap],
        dependents=dependents,
        dead_letter={"enabled": False},
        timeout="200ms" if ending == "timeout" else None,
    )
    if ending == "cancel":
        await bench.until(handle, "nap", "WAITING")
        await handle.cancel()
    await asyncio.wait([asyncio.ensure_future(handle.result())], timeout=60)
    await child(bench, handle, "~~always")
    assert await exists(bench, f"{handle.id}~~failure") is (ending != "cancel")
    assert not await exists(bench, f"{handle.id}~~success")


async def test_each_dead_letter_starts_its_dependent_anew(bench: Bench, partner: Partner) -> None:
    partner.answers["/x"] = [404, 404, 200]
    tell = {"name": "tell", "when": "dead_letter", "job": job(bench, compute("1"))}
    step = {"id": "x", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/x"}}
    handle = await bench.start([step], dependents=[tell])
    await bench.until(handle, "x", "DEAD_LETTERED")
    await child(bench, handle, "~~tell")
    await handle.signal("retry")
    await child_of_second_park(bench, handle)
    await handle.signal("retry")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert not await exists(bench, f"{handle.id}~~tell.r3")


async def child_of_second_park(bench: Bench, handle: Handle) -> None:
    async with asyncio.timeout(60):
        while not await exists(bench, f"{handle.id}~~tell.r2"):
            await asyncio.sleep(0.02)


async def test_b6_a_tree_several_levels_deep_runs_to_its_leaves(bench: Bench) -> None:
    leaf = job(bench, compute("input * 2"), input="${ steps.c.output }")
    middle = job(bench, compute("input * 2"), input="${ steps.c.output }", dependents=[{"name": "leaf", "job": leaf}])
    handle = await bench.start([compute("5")], dependents=[{"name": "middle", "job": middle}])
    await bench.finish(handle)
    await child(bench, handle, "~~middle")
    assert (await child(bench, handle, "~~middle~~leaf"))["output"] == {"c": 20}


async def test_a_dependent_whose_input_cannot_be_resolved_is_told_and_the_job_stands(bench: Bench) -> None:
    bad = {"name": "bad", "job": job(bench, compute("1"), input="${ steps.c.output.nothing }")}
    good = {"name": "good", "job": job(bench, compute("1"))}
    handle = await bench.start([compute("1")], dependents=[bad, good])
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    await child(bench, handle, "~~good")
    assert not await exists(bench, f"{handle.id}~~bad")
    notes = await (await handle.describe()).memo_value("notes")
    assert notes["e"][-1]["kind"] == "CHILD_NOT_STARTED"


async def test_dependents_are_not_canceled_with_their_parent(bench: Bench) -> None:
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "1s"}}
    tell = {"name": "tell", "when": "dead_letter", "job": job(bench, nap)}
    handle = await bench.start([{"id": "x", "type": "FAIL", "with": {"message": "no"}}], dependents=[tell])
    await bench.until(handle, "x", "DEAD_LETTERED")
    async with asyncio.timeout(60):
        while not await exists(bench, f"{handle.id}~~tell"):
            await asyncio.sleep(0.02)
    await handle.terminate()
    await child(bench, handle, "~~tell")
    status = (await bench.client.get_workflow_handle(f"{handle.id}~~tell").describe()).status
    assert status is WorkflowExecutionStatus.COMPLETED
