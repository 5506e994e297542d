"""What meets in one workflow task, or at the edge of a run: one end, each effect once, nothing lost in silence."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.limit import JobLimits
from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench, Handle, running_bench
from tests.integration.workflow.history_check import check_closed_once, histories
from tests.integration.workflow.test_child_job import described
from tests.integration.workflow.test_control import complete, in_backoff, no_task_failed
from tests.integration.workflow.test_parking import call
from tests.integration.workflow.working import working
from tests.server.partner import Partner
from tests.server.temporal import running_temporal


@pytest.fixture
async def idle(temporal_address: str) -> Bench:
    """A bench without a worker: what happens meanwhile meets in one workflow task."""
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    return Bench(client, f"t{uuid4().hex[:12]}")


@pytest.fixture(scope="module")
async def early() -> AsyncIterator[Bench]:
    """A bench whose jobs continue as new after 40 events."""
    with running_temporal(["limit.historyCount.suggestContinueAsNew=40"]) as address:
        async with running_bench(address) as running:
            yield running


@pytest.mark.parametrize("by_update", [True, False])
async def test_a_cancel_with_the_last_completion_ends_the_job_once_and_undoes_what_it_did(
    idle: Bench, partner: Partner, *, by_update: bool
) -> None:
    async with working(idle):
        handle = await idle.start([in_backoff(partner, "a")])
        await idle.eventually(lambda: called(partner, "/a"))
    await complete(idle, handle, "a")
    cancel = asyncio.create_task(handle.execute_update("cancel", {"actor": "ann"}) if by_update else handle.cancel())
    await idle.let_pass(0.5)
    async with working(idle):
        await cancel
        canceled = await idle.canceled(handle)
        assert await idle.states(handle) == {"a": "COMPENSATED" if canceled else "COMPLETED"}
    assert partner.calls["/undo-a"] == int(canceled)
    check_closed_once(await histories(idle.client, handle.id))


async def test_an_approval_that_two_people_decide_at_once_has_one_decision(idle: Bench) -> None:
    async with working(idle):
        handle = await idle.start([{"id": "ask", "type": "APPROVAL"}])
        await idle.until(handle, "ask", "WAITING")
    said = [
        asyncio.create_task(handle.execute_update("approve", {"actor": actor, "decision": decision}))
        for actor, decision in (("ann", "approve"), ("bob", "reject"))
    ]
    await idle.let_pass(0.5)
    async with working(idle):
        answers = await asyncio.gather(*said, return_exceptions=True)
        await idle.eventually(lambda: decided(idle, handle.id))
        states = await idle.states(handle)
        refused = [answer for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
        assert len(refused) == 1, answers
        assert states["ask"] == ("DEAD_LETTERED" if isinstance(answers[0], WorkflowUpdateFailedError) else "COMPLETED")
        await no_task_failed(idle, handle)
        if states["ask"] == "DEAD_LETTERED":
            await handle.terminate()


async def decided(bench: Bench, id_: str) -> bool:
    return (await bench.states(bench.client.get_workflow_handle(id_)))["ask"] != "WAITING"


async def test_an_approval_that_was_given_takes_no_second_one(bench: Bench) -> None:
    handle = await bench.start(
        [{"id": "ask", "type": "APPROVAL"}, {"id": "nap", "type": "WAIT", "with": {"name": "go"}}]
    )
    await bench.until(handle, "ask", "WAITING")
    await handle.execute_update("approve", {"actor": "ann", "decision": "approve"})
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("approve", {"actor": "bob", "decision": "reject"})
    await handle.execute_update("deliver", {"name": "go"})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_b6_dependents_start_once_each_while_their_job_continues_as_new(early: Bench, partner: Partner) -> None:
    partner.answers["/bad"] = [404, 404, 200]
    job = {"name": "next", "queue": early.queue, "steps": [call(partner, "told")]}
    whens = ("dead_letter", "success", "always", "failure")
    dependents = [{"name": when.replace("_", "-"), "when": when, "job": job} for when in whens]
    calls = [call(partner, f"s{number}") for number in range(5)]
    more = [call(partner, f"t{number}") for number in range(5)]
    handle = await early.start([*calls, call(partner, "bad"), *more], dependents=dependents)
    for round_ in (1, 2):
        await early.eventually(partial(parked_in_round, handle, round_))
        await asyncio.gather(*(handle.signal("make_coffee", number) for number in range(20)))
        await early.eventually(partial(retried, handle))
    assert (await early.finish(handle)).status is JobStatus.COMPLETED
    started = ["dead-letter", "dead-letter.r2", "success", "always"]
    for name in started:
        await early.finish(early.client.get_workflow_handle(f"{handle.id}~~{name}"))
    assert partner.calls["/told"] == len(started)
    runs = [run for run in await histories(early.client, handle.id) if run.workflow_id == handle.id]
    assert len(runs) > 1
    check_closed_once(runs)


async def retried(handle: Handle) -> bool:
    """Not so where the update met a task that the server did not take, because of a signal that came with its end."""
    try:
        await handle.execute_update("retry", {"actor": "ann"})
    except RPCError as error:
        if error.status is not RPCStatusCode.FAILED_PRECONDITION:
            raise
        return False
    return True


async def parked_in_round(handle: Handle, round_: int) -> bool:
    bad: dict[str, Any] = (await handle.query("state"))["steps"]["bad"]
    return bad == {"status": "DEAD_LETTERED", "round": round_}


async def test_outputs_taken_over_that_do_not_fit_fail_the_job_and_are_not_lost(bench: Bench) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "a", "type": "LOG", "with": {"message": "a"}},
        {"id": "b", "type": "COMPUTE", "with": {"expression": "steps.a.output"}},
    ]
    handle = await bench.start(steps, kept={"a": "x" * 5_000}, limits=JobLimits(state_bytes=5_000))
    result = await bench.finish(handle)
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.FAILED, "ENGINE.STATE_TOO_LARGE")
    assert await bench.states(handle) == {"a": "COMPLETED", "b": "OMITTED"}
    fits = await bench.start(steps, kept={"a": "x" * 500}, limits=JobLimits(state_bytes=5_000))
    assert (await bench.finish(fits)).output == {"b": "x" * 500}
    assert await described(bench, fits.id) is WorkflowExecutionStatus.COMPLETED


async def called(partner: Partner, path: str) -> bool:
    return partner.calls[path] >= 1
