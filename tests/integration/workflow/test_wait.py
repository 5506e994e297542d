"""`WAIT` and `APPROVAL` at the level of the workflow: deliveries, schemas, timeouts, the second-person rule."""

import asyncio
from typing import Any

import pytest

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_parking import refused, status_attribute

SCHEMA = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}


def waiting(**params: Any) -> dict[str, Any]:
    return {"id": "wait", "type": "WAIT", "with": {"name": "go", **params}}


def approval(**params: Any) -> dict[str, Any]:
    return {"id": "ask", "type": "APPROVAL", "with": params}


async def approve(handle: Handle, actor: str | None, decision: str = "approve", **fields: Any) -> None:
    await handle.execute_update("approve", {"actor": actor, "decision": decision, **fields})


async def test_b5_a_delivery_ends_the_wait_and_is_its_output(bench: Bench) -> None:
    handle = await bench.start(
        [waiting(), {"id": "then", "type": "COMPUTE", "with": {"expression": "steps.wait.output.x"}}]
    )
    await bench.until(handle, "wait", "WAITING")
    assert await status_attribute(handle) == ["WAITING"]
    assert await handle.execute_update("deliver", {"name": "go", "payload": {"x": 5}}) == {"steps": ["wait"]}
    assert (await bench.finish(handle)).output == {"then": 5}
    assert await status_attribute(handle) == []


async def test_a_delivery_by_signal_that_comes_early_is_kept_for_its_step(bench: Bench) -> None:
    handle = await bench.start([{"id": "first", "type": "SLEEP", "with": {"duration": "400ms"}}, waiting()])
    await handle.signal("deliver", {"name": "go", "payload": "early"})
    assert (await bench.finish(handle)).output == {"wait": "early"}


async def test_a_payload_that_does_not_meet_the_schema_is_refused_early_and_late(bench: Bench) -> None:
    steps = [{"id": "first", "type": "SLEEP", "with": {"duration": "300ms"}}, waiting(schema=SCHEMA)]
    handle = await bench.start(steps)
    assert await refused(handle, "deliver", {"name": "go", "payload": {"ok": 1}}) == "API.PAYLOAD_INVALID"
    await bench.until(handle, "wait", "WAITING")
    assert await refused(handle, "deliver", {"name": "go", "payload": {}}) == "API.PAYLOAD_INVALID"
    assert await refused(handle, "deliver", {"name": "went", "payload": {}}) == "API.NOTHING_WAITS"
    await handle.signal("deliver", {"name": "go", "payload": "wrong"})
    await handle.execute_update("deliver", {"name": "go", "payload": {"ok": True}})
    assert (await bench.finish(handle)).output == {"wait": {"ok": True}}


async def test_two_deliveries_of_one_name_end_two_waits_in_order(bench: Bench) -> None:
    handle = await bench.start([waiting(), {**waiting(), "id": "again"}])
    await bench.until(handle, "wait", "WAITING")
    await handle.signal("deliver", {"name": "go", "payload": 1})
    await handle.signal("deliver", {"name": "go", "payload": 2})
    assert (await bench.finish(handle)).output == {"again": 2}


async def test_a_wait_that_times_out_fails_or_goes_on_as_it_says(bench: Bench) -> None:
    result = await bench.run([waiting(timeout="50ms", on_timeout="continue")])
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"wait": None})
    result = await bench.run([waiting(timeout="50ms")], dead_letter={"enabled": False})
    assert result.error is not None
    assert result.error.code == "STEP.WAIT.TIMEOUT"


async def test_a_wait_that_timed_out_can_be_retried_and_waits_anew(bench: Bench) -> None:
    handle = await bench.start([waiting(timeout="50ms")])
    await bench.until(handle, "wait", "DEAD_LETTERED")
    await handle.execute_update("retry", {"patch": {"wait": {"timeout": "1h"}}})
    await bench.until(handle, "wait", "WAITING")
    await handle.signal("deliver", {"name": "go", "payload": 1})
    assert (await bench.finish(handle)).output == {"wait": 1}


async def test_b5_an_approval_needs_as_many_different_people_as_it_says(bench: Bench) -> None:
    handle = await bench.start([approval(required_approvals=2)])
    await bench.until(handle, "ask", "WAITING")
    await approve(handle, "ann")
    assert await refused(handle, "approve", {"actor": "ann", "decision": "approve"}) == "API.APPROVAL_NOT_ALLOWED"
    assert await refused(handle, "approve", {"decision": "approve"}) == "API.APPROVAL_NOT_ALLOWED"
    assert await refused(handle, "approve", {"actor": "bob", "decision": "perhaps"}) == "API.VALIDATION"
    await approve(handle, "bob", reason="fine")
    output = (await bench.finish(handle)).output["ask"]
    assert output["approved"] is True
    assert [(said["actor"], said["decision"]) for said in output["decisions"]] == [
        ("ann", "approve"),
        ("bob", "approve"),
    ]


async def test_a_rejection_fails_the_step_at_once(bench: Bench) -> None:
    handle = await bench.start([approval(required_approvals=2)], dead_letter={"enabled": False})
    await bench.until(handle, "ask", "WAITING")
    await approve(handle, "ann", "reject", reason="too dear")
    result = await bench.finish(handle)
    assert result.error is not None
    assert result.error.code == "STEP.APPROVAL.REJECTED"
    assert "ann" in result.error.message
    assert "too dear" in result.error.message


@pytest.mark.parametrize("role", [None, "operator"])
async def test_only_the_roles_named_may_decide(bench: Bench, role: str | None) -> None:
    handle = await bench.start([approval(roles=["admin"])])
    await bench.until(handle, "ask", "WAITING")
    said = {"actor": "ann", "decision": "approve", "role": role}
    assert await refused(handle, "approve", said) == "API.APPROVAL_NOT_ALLOWED"
    await approve(handle, "ann", role="admin")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_who_submitted_the_job_may_not_approve_it_unless_that_is_allowed(bench: Bench) -> None:
    handle = await bench.start([approval()], memo={"submitted_by": "key:ann"})
    await bench.until(handle, "ask", "WAITING")
    assert await refused(handle, "approve", {"actor": "key:ann", "decision": "approve"}) == "API.APPROVAL_NOT_ALLOWED"
    await approve(handle, "key:bob")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    handle = await bench.start([approval(allow_self_approval=True)], memo={"submitted_by": "key:ann"})
    await bench.until(handle, "ask", "WAITING")
    await approve(handle, "key:ann")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_thirty_people_at_once_approve_once(bench: Bench) -> None:
    handle = await bench.start([approval()])
    await bench.until(handle, "ask", "WAITING")
    answers = await asyncio.gather(*(approve(handle, f"p{n}") for n in range(30)), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1
    assert len((await bench.finish(handle)).output["ask"]["decisions"]) == 1


async def test_a_canceled_job_ends_its_waits(bench: Bench) -> None:
    handle = await bench.start([waiting()])
    await bench.until(handle, "wait", "WAITING")
    await handle.cancel()
    assert (await bench.canceled(handle)) is True


async def test_of_thirty_deliveries_at_once_one_is_taken(bench: Bench) -> None:
    handle = await bench.start([waiting(), {"id": "nap", "type": "SLEEP", "with": {"duration": "300ms"}}])
    await bench.until(handle, "wait", "WAITING")
    said = [handle.execute_update("deliver", {"name": "go", "payload": n}) for n in range(30)]
    answers = await asyncio.gather(*said, return_exceptions=True)
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_of_thirty_deliveries_that_come_early_one_is_kept(bench: Bench) -> None:
    handle = await bench.start([{"id": "nap", "type": "SLEEP", "with": {"duration": "500ms"}}, waiting()])
    said = [handle.execute_update("deliver", {"name": "go", "payload": n}) for n in range(30)]
    answers = await asyncio.gather(*said, return_exceptions=True)
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_a_job_that_was_canceled_waits_for_nobody_any_more(bench: Bench) -> None:
    handle = await bench.start([{"id": "go", "type": "WAIT", "with": {"name": "go"}}])
    await bench.until(handle, "go", "WAITING")
    assert await status_attribute(handle) == ["WAITING"]
    await handle.cancel()
    assert await bench.canceled(handle)
    assert await status_attribute(handle) == []
