"""Compensations: in reverse order of completion, once each, on every bad end; and what fails among them."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from perdure.contract.state import JobStatus, Resolution
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_parking import call, refused, status_attribute
from tests.server.partner import Partner

UNDO = {"maximum_attempts": 1}


def undone(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo/{id_}", "method": "POST"}, "retry": UNDO}
    return call(partner, id_, compensate=undo, **fields)


def broken(**fields: Any) -> dict[str, Any]:
    return {"id": "bad", "type": "FAIL", **fields}


def undos(partner: Partner) -> list[str]:
    return [path for path in partner.order if path.startswith("/undo")]


async def test_b5_a_failed_job_undoes_what_completed_in_reverse_order(bench: Bench, partner: Partner) -> None:
    steps = [undone(partner, "a"), undone(partner, "b"), call(partner, "c"), broken()]
    handle = await bench.start(steps, dead_letter={"enabled": False})
    result = await bench.finish(handle)
    assert (result.status, result.error_step) == (JobStatus.FAILED, "bad")
    assert undos(partner) == ["/undo/b", "/undo/a"]
    assert partner.keys["/undo/a"] == [f"{handle.id}/a/compensate"]
    assert (await bench.states(handle)) == {"a": "COMPENSATED", "b": "COMPENSATED", "c": "COMPLETED", "bad": "FAILED"}


async def test_c3_a_discard_compensates_and_ends_the_job_dismissed(bench: Bench, partner: Partner) -> None:
    handle = await bench.start([undone(partner, "a"), broken()])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    assert await handle.execute_update("discard", {"actor": "me", "reason": "not worth it"}) == {"steps": ["bad"]}
    result = await bench.finish(handle)
    assert (result.status, result.resolution) == (JobStatus.FAILED, Resolution.DISMISSED)
    assert undos(partner) == ["/undo/a"]


async def test_an_expired_dead_letter_compensates(bench: Bench, partner: Partner) -> None:
    result = await bench.run([undone(partner, "a"), broken()], dead_letter={"retention": "100ms"})
    assert (result.status, result.resolution) == (JobStatus.FAILED, Resolution.EXPIRED)
    assert undos(partner) == ["/undo/a"]


async def test_a_canceled_job_compensates_before_it_ends(bench: Bench, partner: Partner) -> None:
    handle = await bench.start([undone(partner, "a"), {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
    await bench.until(handle, "nap", "WAITING")
    await handle.cancel()
    assert await bench.canceled(handle)
    assert undos(partner) == ["/undo/a"]


async def test_a_job_that_timed_out_compensates(bench: Bench, partner: Partner) -> None:
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}
    result = await bench.run([undone(partner, "a"), nap], timeout="3s")
    assert result.status is JobStatus.TIMED_OUT
    assert undos(partner) == ["/undo/a"]


async def test_a_job_that_completes_undoes_nothing(bench: Bench, partner: Partner) -> None:
    assert (await bench.run([undone(partner, "a"), call(partner, "b")])).status is JobStatus.COMPLETED
    assert undos(partner) == []


async def test_an_output_without_a_value_fails_the_job_and_compensates(bench: Bench, partner: Partner) -> None:
    result = await bench.run([undone(partner, "a")], output="${ input.nothing }", input={})
    assert result.status is JobStatus.FAILED
    assert undos(partner) == ["/undo/a"]


async def test_each_item_is_undone_with_its_own_value(bench: Bench, partner: Partner) -> None:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo/${{ item }}", "method": "POST"}}
    step = {
        "id": "each",
        "type": "HTTP_CALL",
        "with": {"url": f"{partner.url}/do/${{ item }}", "method": "POST"},
        "for_each": {"items": ["x", "y", "z"], "max_parallel": 1},
        "compensate": undo,
    }
    handle = await bench.start([step, broken()], dead_letter={"enabled": False})
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    assert undos(partner) == ["/undo/z", "/undo/y", "/undo/x"]
    assert partner.keys["/undo/y"] == [f"{handle.id}/each[1]/compensate"]
    assert (await bench.states(handle))["each"] == "COMPENSATED"


async def test_the_compensation_of_an_item_sees_the_steps_outputs(bench: Bench, partner: Partner) -> None:
    step = {
        "id": "each",
        "type": "COMPUTE",
        "with": {"expression": "item + 'y'"},
        "for_each": {"items": ["a", "b"]},
        "compensate": {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo/${{ steps.each.output[index] }}"}},
    }
    assert (await bench.run([step, broken()], dead_letter={"enabled": False})).status is JobStatus.FAILED
    assert undos(partner) == ["/undo/by", "/undo/ay"]


async def test_caught_and_skipped_steps_are_not_undone(bench: Bench, partner: Partner) -> None:
    partner.answers["/a"] = [404]
    steps = [
        undone(partner, "a", catch=[{"output": 1}]),
        undone(partner, "b", when=False),
        undone(partner, "c"),
        broken(),
    ]
    assert (await bench.run(steps, dead_letter={"enabled": False})).status is JobStatus.FAILED
    assert undos(partner) == ["/undo/c"]


async def test_c5_a_compensation_that_fails_for_good_parks_and_is_retried(bench: Bench, partner: Partner) -> None:
    partner.answers["/undo/b"] = [404, 404, 200]
    handle = await bench.start([undone(partner, "a"), undone(partner, "b"), broken()])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", {"actor": "me"})
    await parked_again(bench, handle)
    assert await refused(handle, "pause") == "API.JOB_CLOSED"
    assert await refused(handle, "retry", {"from_step": "a"}) == "API.JOB_CLOSED"
    assert await handle.execute_update("retry", {"actor": "me"}) == {"steps": ["b.compensate"]}
    await bench.eventually(lambda: asked(partner, "/undo/b", 2))
    await parked_again(bench, handle)
    assert undos(partner) == ["/undo/b", "/undo/b"]
    await handle.signal("retry")
    result = await bench.finish(handle)
    assert (result.status, result.resolution) == (JobStatus.FAILED, Resolution.DISMISSED)
    assert undos(partner) == ["/undo/b", "/undo/b", "/undo/b", "/undo/a"]


@pytest.mark.parametrize("decision", ["skip", "discard"])
async def test_a_parked_compensation_can_be_given_up_and_the_others_still_run(
    bench: Bench, partner: Partner, decision: str
) -> None:
    partner.answers["/undo/b"] = [404]
    handle = await bench.start([undone(partner, "a"), undone(partner, "b"), broken()])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", {"actor": "me"})
    await parked_again(bench, handle)
    await handle.execute_update(decision, {"actor": "me"})
    assert (await bench.finish(handle)).resolution is Resolution.DISMISSED
    assert undos(partner) == ["/undo/b", "/undo/a"]
    assert (await bench.states(handle))["a"] == "COMPENSATED"


async def test_a_parked_compensation_expires_and_the_others_still_run(bench: Bench, partner: Partner) -> None:
    partner.answers["/undo/b"] = [404]
    steps = [undone(partner, "a"), undone(partner, "b"), broken()]
    result = await bench.run(steps, dead_letter={"retention": "200ms"})
    assert result.resolution is Resolution.EXPIRED
    assert undos(partner) == ["/undo/b", "/undo/a"]


async def test_without_dead_letters_a_failing_compensation_is_noted_and_the_others_still_run(
    bench: Bench, partner: Partner
) -> None:
    partner.answers["/undo/b"] = [404]
    steps = [undone(partner, "a"), undone(partner, "b"), broken()]
    assert (await bench.run(steps, dead_letter={"enabled": False})).status is JobStatus.FAILED
    assert undos(partner) == ["/undo/b", "/undo/a"]


async def test_c5_a_cancel_that_arrives_while_a_compensation_is_parked_changes_nothing_but_is_recorded(
    bench: Bench, partner: Partner
) -> None:
    partner.answers["/undo/a"] = [404, 200]
    handle = await bench.start([undone(partner, "a"), broken()])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", {"actor": "me"})
    await parked_again(bench, handle)
    await handle.cancel()
    await bench.let_pass(0.3)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await handle.execute_update("retry", {"actor": "me"})
    result = await bench.finish(handle)
    assert (result.status, result.resolution) == (JobStatus.FAILED, Resolution.DISMISSED)
    assert undos(partner) == ["/undo/a", "/undo/a"]


async def parked_again(bench: Bench, handle: Handle) -> None:
    async def parked() -> bool:
        return await status_attribute(handle) == ["DEAD_LETTERED"] and await closing(handle)

    await bench.eventually(parked)


async def closing(handle: Handle) -> bool:
    return (await handle.query("state"))["ending"] is not None


async def asked(partner: Partner, path: str, times: int) -> bool:
    return partner.calls[path] >= times
