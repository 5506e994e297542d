"""Continue-as-new with the whole state of a job: items, waits, decisions, compensations."""

from typing import Any

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_parking import status_attribute
from tests.server.partner import Partner

WIDE = {"items": "${ input.rows }", "max_parallel": 200}
"""Local items: each is one event, so 5,000 of them make a history that continues as new once."""


def each(expression: str = "item + 1", **fields: Any) -> dict[str, Any]:
    return {"id": "each", "type": "COMPUTE", "with": {"expression": expression}, "for_each": WIDE, **fields}


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


async def test_b7_ten_thousand_items_pass_continue_as_new_and_keep_their_order(bench: Bench) -> None:
    handle = await bench.start(
        [each(), {"id": "last", "type": "COMPUTE", "with": {"expression": "steps.each.output[9999]"}}],
        input={"rows": list(range(10_000))},
    )
    result = await bench.finish(handle)
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"last": 10_000})
    assert await runs(bench, handle) > 1


async def test_waits_pauses_and_parked_items_survive_continue_as_new(bench: Bench, partner: Partner) -> None:
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
    handle = await bench.start(steps, input={"rows": list(range(5_000))})
    await bench.until(handle, "ask", "WAITING")
    await handle.execute_update("approve", {"actor": "ann", "decision": "approve"})
    await bench.until(handle, "each", "COMPLETED")
    assert await runs(bench, handle) > 1
    assert await status_attribute(handle) == ["DEAD_LETTERED"]
    assert await handle.execute_update("retry", {"actor": "me"}) == {"steps": ["call.1"]}
    await handle.execute_update("approve", {"actor": "bob", "decision": "approve"})
    await handle.execute_update("deliver", {"name": "go", "payload": 7})
    assert (await bench.finish(handle)).output == {"then": 7}
    assert partner.calls == {"/ok": 1, "/bad": 2}


async def test_compensations_go_on_after_continue_as_new(bench: Bench, partner: Partner) -> None:
    undo = {"type": "COMPUTE", "with": {"expression": "item"}}
    first = {
        "id": "first",
        "type": "HTTP_CALL",
        "with": {"url": f"{partner.url}/do", "method": "POST"},
        "compensate": {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo", "method": "POST"}},
    }
    handle = await bench.start(
        [first, each(compensate=undo), {"id": "bad", "type": "FAIL"}],
        input={"rows": list(range(3_000))},
        dead_letter={"enabled": False},
    )
    result = await bench.finish(handle)
    assert result.status is JobStatus.FAILED
    assert await runs(bench, handle) > 1
    assert partner.order == ["/do", "/undo"]
    assert (await bench.states(handle))["each"] == "COMPENSATED"
