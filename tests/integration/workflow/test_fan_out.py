"""`for_each` at the level of the workflow: order, bounds, items that fail, are caught, parked and retried."""

from typing import Any

import pytest

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_parking import refused
from tests.server.partner import Partner

ONCE = {"maximum_attempts": 1}


def each(items: Any, **fields: Any) -> dict[str, Any]:
    for_each = {"items": items, **fields.pop("for_each", {})}
    return {"id": "each", "type": "COMPUTE", "with": {"expression": "item * 2"}, "for_each": for_each, **fields}


async def at_least(partner: Partner, calls: int) -> bool:
    return partner.calls.total() >= calls


async def parked(handle: Handle, count: int) -> bool:
    """Whether that many units are parked, by the notes in the job's history."""
    noted = [event async for event in handle.fetch_history_events() if b"STEP_PARKED" in event.SerializeToString()]
    return sum(event.SerializeToString().count(b"STEP_PARKED") for event in noted) >= count


async def test_b5_outputs_stand_in_the_order_of_the_items(bench: Bench) -> None:
    result = await bench.run(
        [each("${ input.rows }"), {"id": "sum", "type": "COMPUTE", "with": {"expression": "steps.each.output"}}],
        input={"rows": list(range(60))},
    )
    assert result.output == {"sum": [2 * row for row in range(60)]}


async def test_an_empty_list_completes_at_once_with_an_empty_output(bench: Bench) -> None:
    result = await bench.run([each([])])
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"each": []})


async def test_no_more_items_run_at_once_than_max_parallel_allows(bench: Bench, partner: Partner) -> None:
    step = {
        "id": "call",
        "type": "HTTP_CALL",
        "for_each": {"items": list(range(12)), "max_parallel": 3},
        "with": {"url": f"{partner.url}/slow"},
    }
    partner.delays["/slow"] = 0.1
    assert (await bench.run([step])).status is JobStatus.COMPLETED
    assert partner.calls["/slow"] == 12
    assert partner.most_at_once["/slow"] == 3


async def test_each_item_has_an_idempotency_key_of_its_own(bench: Bench, partner: Partner) -> None:
    step = {
        "id": "call",
        "type": "HTTP_CALL",
        "for_each": {"items": ["a", "b"]},
        "with": {"url": f"{partner.url}/item/${{ item }}", "method": "POST"},
    }
    handle = await bench.start([step])
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert partner.keys["/item/a"] == [f"{handle.id}/call[0]"]
    assert partner.keys["/item/b"] == [f"{handle.id}/call[1]"]


async def test_a_false_condition_skips_the_whole_fan_out(bench: Bench) -> None:
    result = await bench.run([each([1, 2], when="${ input.on }")], input={"on": False})
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"each": None})


@pytest.mark.parametrize("items", ["${ input.rows }", "${ input.nothing }"])
async def test_items_that_are_no_list_park_the_step(bench: Bench, items: str) -> None:
    handle = await bench.start([each(items)], input={"rows": 5})
    await bench.until(handle, "each", "DEAD_LETTERED")
    await handle.signal("skip", {"output": [1]})
    assert (await bench.finish(handle)).output == {"each": [1]}


async def test_failed_items_are_parked_by_themselves_and_retried_together_or_one_by_one(
    bench: Bench, partner: Partner
) -> None:
    partner.answers.update({"/r/1": [404, 404, 200], "/r/3": [404, 200]})
    step = {
        "id": "call",
        "type": "HTTP_CALL",
        "for_each": {"items": list(range(5))},
        "with": {"url": f"{partner.url}/r/${{ item }}", "output": "body"},
    }
    handle = await bench.start([step])
    await bench.until(handle, "call", "DEAD_LETTERED")
    await bench.eventually(lambda: at_least(partner, 5))
    assert await refused(handle, "retry", {"steps": ["call.0"]}) == "API.JOB_NOT_PARKED"
    assert await refused(handle, "retry", {"steps": ["call.9"]}) == "API.STEP_UNKNOWN"
    assert await handle.execute_update("retry", {"steps": ["call.3"]}) == {"steps": ["call.3"]}
    assert await handle.execute_update("retry", {"steps": ["call"]}) == {"steps": ["call.1"]}
    await bench.eventually(lambda: at_least(partner, 7))
    await bench.until(handle, "call", "DEAD_LETTERED")
    assert await handle.execute_update("retry") == {"steps": ["call.1"]}
    result = await bench.finish(handle)
    assert result.status is JobStatus.COMPLETED
    assert partner.calls == {"/r/0": 1, "/r/1": 3, "/r/2": 1, "/r/3": 2, "/r/4": 1}


async def test_an_item_can_be_skipped_with_an_output(bench: Bench) -> None:
    fail = {"id": "each", "type": "FAIL", "for_each": {"items": [1, 2]}, "with": {"times": 0}, "when": True}
    broken = {**fail, "with": {"code": "MY.CODE"}}
    handle = await bench.start([broken])
    await bench.until(handle, "each", "DEAD_LETTERED")
    await bench.eventually(lambda: parked(handle, 2))
    assert await refused(handle, "skip", {"output": 0}) == "API.VALIDATION"
    await handle.execute_update("skip", {"step": "each.1", "output": "b", "actor": "me"})
    await handle.execute_update("skip", {"step": "each.0", "output": "a", "actor": "me"})
    assert (await bench.finish(handle)).output == {"each": ["a", "b"]}


async def test_caught_items_take_the_rules_output_and_the_others_theirs(bench: Bench) -> None:
    result = await bench.run(
        [
            {
                "id": "each",
                "type": "FAIL",
                "for_each": {"items": [0, 99]},
                "retry": ONCE,
                "with": {"code": "MY.A", "message": "no ${ item }"},
                "catch": [{"errors": ["MY.*"], "output": {"was": "${ item }"}}],
            }
        ]
    )
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"each": [{"was": 0}, {"was": 99}]})


async def test_with_continue_on_error_the_other_items_run_and_failed_ones_are_null(bench: Bench) -> None:
    result = await bench.run(
        [
            {
                "id": "each",
                "type": "COMPUTE",
                "for_each": {"items": [1, 0, 2]},
                "with": {"expression": "10 / item"},
                "continue_on_error": True,
            },
            {"id": "after", "type": "COMPUTE", "with": {"expression": "steps.each.output"}},
        ]
    )
    assert result.status is JobStatus.COMPLETED_WITH_ERRORS
    assert result.output == {"after": [10, None, 5]}
    assert result.error_step == "each"
    assert result.error is not None
    assert result.error.code == "ENGINE.EXPRESSION"


async def test_b12_a_list_that_does_not_fit_fails_the_step_once_and_clearly(bench: Bench) -> None:
    handle = await bench.start(
        [each("${ input.rows }", **{"with": {"expression": "input.text"}})],
        input={"rows": list(range(2_000)), "text": "x" * 1_000},
        dead_letter={"enabled": False},
    )
    result = await bench.finish(handle)
    assert result.status is JobStatus.FAILED
    assert result.error is not None
    assert result.error.code == "ENGINE.STATE_TOO_LARGE"


async def test_more_items_than_a_job_may_have_fail_the_step_clearly(bench: Bench) -> None:
    rows = list(range(6_000))
    steps = [each("${ input.rows }"), {**each("${ input.rows }"), "id": "again"}]
    wide = {"items": "${ input.rows }", "max_parallel": 500}
    steps = [{**step, "with": {"expression": "1"}, "for_each": wide} for step in steps]
    handle = await bench.start(steps, input={"rows": rows}, dead_letter={"enabled": False})
    result = await bench.finish(handle)
    assert result.error is not None
    assert (result.error.code, result.error_step) == ("ENGINE.FAN_OUT_TOO_LARGE", "again")


async def test_without_dead_letters_one_failed_item_ends_the_job_at_once(bench: Bench) -> None:
    step = {
        "id": "each",
        "type": "FAIL",
        "for_each": {"items": ["PERMANENT", "TRANSIENT"]},
        "with": {"class": "${ item }", "code": "MY.CODE"},
        "retry": {"initial_interval": "1h", "maximum_interval": "2h"},
    }
    handle = await bench.start(
        [step, {"id": "after", "type": "LOG", "with": {"message": "x"}}], dead_letter={"enabled": False}
    )
    result = await bench.finish(handle)
    assert (result.status, result.error_step) == (JobStatus.FAILED, "each")
    assert result.error is not None
    assert result.error.code == "MY.CODE"
    assert await bench.states(handle) == {"each": "FAILED", "after": "OMITTED"}
