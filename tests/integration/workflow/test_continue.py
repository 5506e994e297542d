"""Continue-as-new with the whole state of a job: items, waits, decisions, compensations."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.projection.decoder import decode_events
from perdure.projection.fold import fold_run, record
from tests.integration.workflow.conftest import Bench, Handle, running_bench
from tests.integration.workflow.history_check import check_no_task_failed
from tests.integration.workflow.test_parking import status_attribute
from tests.server.partner import Partner
from tests.server.temporal import running_temporal
from workflows.job import drain

WIDE = {"items": "${ input.rows }", "max_parallel": 200}


def each(**fields: Any) -> dict[str, Any]:
    """Each item leaves three events."""
    return {"id": "each", "type": "FAIL", "with": {"times": 0}, "for_each": WIDE, **fields}


async def runs(bench: Bench, handle: Handle) -> int:
    """How many runs the job has had."""
    first = await handle.describe()
    count, run_id = (
        1,
        (await bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()).run_id,
    )
    while run_id != first.run_id:
        async for event in bench.client.get_workflow_handle(handle.id, run_id=run_id).fetch_history_events():
            if event.HasField("workflow_execution_continued_as_new_event_attributes"):
                run_id = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        count += 1
    return count


async def test_b7_ten_thousand_items_pass_continue_as_new_and_keep_their_order(early: Bench) -> None:
    local = each(type="COMPUTE", **{"with": {"expression": "item + 1"}})
    handle = await early.start(
        [local, {"id": "last", "type": "COMPUTE", "with": {"expression": "steps.each.output[9999]"}}],
        input={"rows": list(range(10_000))},
    )
    result = await early.finish(handle)
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"last": 10_000})
    assert await runs(early, handle) > 1


@pytest.fixture(scope="module")
async def early() -> AsyncIterator[Bench]:
    """A bench whose jobs continue as new after 60 events."""
    with running_temporal(["limit.historyCount.suggestContinueAsNew=60"]) as address:
        async with running_bench(address) as running:
            yield running


async def test_waits_pauses_and_parked_items_survive_continue_as_new(early: Bench, partner: Partner) -> None:
    partner.answers["/bad"] = [404, 200]
    steps = [
        {**each(), "depends_on": []},
        {"id": "ask", "type": "APPROVAL", "with": {"required_approvals": 2}, "depends_on": []},
        {"id": "go", "type": "WAIT", "with": {"name": "go", "timeout": "1h"}, "depends_on": []},
        {
            "id": "call",
            "type": "HTTP_CALL",
            "for_each": {"items": ["ok", "bad"]},
            "with": {"url": f"{partner.url}/${{ item }}"},
            "depends_on": [],
        },
        {
            "id": "then",
            "type": "COMPUTE",
            "with": {"expression": "steps.go.output"},
            "depends_on": ["ask", "go", "call", "each"],
        },
    ]
    handle = await early.start(steps, input={"rows": list(range(40))})
    await early.until(handle, "ask", "WAITING")
    await handle.execute_update("approve", {"actor": "ann", "decision": "approve"})
    await early.until(handle, "each", "COMPLETED")
    assert await runs(early, handle) > 1
    assert await status_attribute(handle) == ["DEAD_LETTERED"]
    assert await handle.execute_update("retry", {"actor": "me"}) == {"steps": ["call.1"]}
    await handle.execute_update("approve", {"actor": "bob", "decision": "approve"})
    await handle.execute_update("deliver", {"name": "go", "payload": 7})
    assert (await early.finish(handle)).output == {"then": 7}
    assert partner.calls == {"/ok": 1, "/bad": 2}


async def test_compensations_go_on_after_continue_as_new(early: Bench, partner: Partner) -> None:
    undo = {"type": "COMPUTE", "with": {"expression": "item"}}
    first = {
        "id": "first",
        "type": "HTTP_CALL",
        "with": {"url": f"{partner.url}/do", "method": "POST"},
        "compensate": {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo", "method": "POST"}},
    }
    handle = await early.start(
        [first, each(compensate=undo), {"id": "bad", "type": "FAIL"}],
        input={"rows": list(range(40))},
        dead_letter={"enabled": False},
    )
    result = await early.finish(handle)
    assert result.status is JobStatus.FAILED
    assert await runs(early, handle) > 1
    assert partner.order == ["/do", "/undo"]
    assert (await early.states(handle))["each"] == "COMPENSATED"


@pytest.mark.parametrize("by_update", [True, False])
async def test_a_canceled_job_that_continues_as_new_while_it_is_undone_ends_canceled(
    early: Bench, partner: Partner, *, by_update: bool
) -> None:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-${{ index }}", "method": "POST"}}
    rest = {"id": "rest", "type": "WAIT", "with": {"name": "go"}}
    handle = await early.start([each(compensate=undo), rest], input={"rows": list(range(20))})
    await early.until(handle, "rest", "WAITING")
    before = (await handle.describe()).run_id
    if by_update:
        await handle.execute_update("cancel", {"actor": "ann", "reason": "enough"})
    else:
        await handle.cancel(reason="enough")
    assert await early.canceled(handle)
    assert [partner.calls[f"/undo-{number}"] for number in range(20)] == [1] * 20
    described = await handle.describe()
    assert (described.status, described.run_id != before) == (WorkflowExecutionStatus.CANCELED, True)
    history = await early.client.get_workflow_handle(handle.id, run_id=described.run_id).fetch_history()
    check_no_task_failed(history)
    state, rows = fold_run(handle.id, history.run_id, await decode_events(pydantic_data_converter, history.events))
    assert record(state).status_reason == f"canceled{' by ann' if by_update else ''}: enough"
    kinds = [row.type for row in rows]
    assert kinds[-1] is JournalType.JOB_CANCELED
    assert JournalType.JOB_CANCEL_REQUESTED not in kinds


async def continued(handle: Handle) -> bool:
    return (await handle.describe()).run_id != handle.first_execution_run_id


async def make_continue(handle: Handle) -> None:
    """Send commands that are refused until the job continues as new: each makes the history longer."""
    async with asyncio.timeout(60):
        while not await continued(handle):
            for number in range(20):  # of which several may go into one workflow task
                await handle.signal("make_coffee", number)


async def test_a_paused_job_continues_as_new_and_stays_paused(early: Bench) -> None:
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}, "depends_on": []}
    say = {"id": "say", "type": "LOG", "with": {"message": "x"}, "depends_on": ["nap"]}
    handle = await early.start([nap, say])
    await early.until(handle, "nap", "WAITING")
    await handle.execute_update("pause", {"actor": "me"})
    await make_continue(handle)
    assert await status_attribute(handle) == ["PAUSED"]
    assert (await handle.query("state"))["paused"] is True
    await handle.execute_update("resume", {"actor": "me"})
    await handle.cancel()
    assert await early.canceled(handle)


async def test_a_scheduled_job_continues_as_new_and_starts_when_it_is_due(early: Bench) -> None:
    handle = await early.start([{"id": "say", "type": "LOG", "with": {"message": "x"}}], delay="15s")
    await make_continue(handle)
    assert await early.states(handle) == {"say": "PENDING"}
    begun = (await handle.describe()).start_time
    assert (await early.finish(handle)).status is JobStatus.COMPLETED
    first = await early.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()
    last = await handle.describe()
    assert last.close_time is not None
    assert last.close_time - first.start_time >= timedelta(seconds=15)
    assert begun >= first.start_time


async def test_early_deliveries_are_kept_over_continue_as_new(early: Bench) -> None:
    hold = {"id": "hold", "type": "WAIT", "with": {"name": "hold"}}
    waits = [{"id": id_, "type": "WAIT", "with": {"name": "go"}} for id_ in ("one", "two")]
    handle = await early.start([hold, *waits])
    for payload in (1, 2):
        await handle.execute_update("deliver", {"name": "go", "payload": payload})
    await make_continue(handle)
    await handle.execute_update("deliver", {"name": "hold"})
    assert (await early.finish(handle)).output == {"two": 2}


async def test_rounds_generations_and_patches_of_items_are_kept_over_continue_as_new(
    early: Bench, partner: Partner
) -> None:
    partner.answers["/b"] = [404]
    call = {
        "id": "call",
        "type": "HTTP_CALL",
        "for_each": {"items": ["a", "b"]},
        "with": {"url": f"{partner.url}/${{ item }}", "method": "POST"},
    }
    handle = await early.start([call])
    await early.until(handle, "call", "DEAD_LETTERED")
    patch = {"call.1": {"query": {"v": "2"}}}
    partner.answers["/b?v=2"] = [404, 200]
    assert await handle.execute_update("retry", {"actor": "me", "patch": patch}) == {"steps": ["call.1"]}
    await early.eventually(lambda: asked(partner, "/b?v=2"))
    await early.until(handle, "call", "DEAD_LETTERED")
    await make_continue(handle)
    assert await handle.execute_update("retry", {"actor": "me"}) == {"steps": ["call.1"]}
    assert (await early.finish(handle)).status is JobStatus.COMPLETED
    assert partner.keys["/b?v=2"] == [f"{handle.id}/call[1]#2"] * 2
    told = [event async for event in handle.fetch_history_events()]
    ids = [event.activity_task_scheduled_event_attributes.activity_id for event in told]
    assert "call.1.r3" in ids


async def asked(partner: Partner, path: str) -> bool:
    return partner.calls[path] >= 1


async def test_a_long_child_job_does_not_hold_up_the_other_branches(
    early: Bench, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "PATIENCE", timedelta(milliseconds=300))
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}
    child = {"name": "child", "queue": early.queue, "steps": [nap]}
    ids = [f"s{n}" for n in range(30)]
    chain = [
        {"id": id_, "type": "HTTP_CALL", "with": {"url": f"{partner.url}/s"}, "depends_on": ids[max(0, n - 1) : n]}
        for n, id_ in enumerate(ids)
    ]
    handle = await early.start([{"id": "long", "type": "JOB", "with": {"job": child}, "depends_on": []}, *chain])
    await early.until(handle, "s29", "COMPLETED")
    assert await early.states(handle) | {"long": "RUNNING"} == await early.states(handle)
    assert not await continued(handle)
    await handle.cancel()
    assert await early.canceled(handle)
