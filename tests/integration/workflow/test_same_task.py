"""What ends or begins in the workflow task that stops its job: it is what the history says, and told once."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.contract.journal import JournalType
from perdure.projection.decoder import decode_events
from perdure.projection.fold.dispatch import fold_run
from perdure.projection.fold.state import FoldState
from perdure.projection.record import JournalEvent
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.history_check import check_closed_once, check_no_task_failed, histories
from tests.integration.workflow.working import working
from tests.server.partner import Partner
from tests.server.temporal import running_temporal

FIRED = EventType.EVENT_TYPE_TIMER_FIRED
BY = {"actor": "ann"}
UNDONE = ("STEP_SCHEDULED", "STEP_STARTED", "STEP_COMPENSATED")


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    """A server on which jobs continue as new after 40 events."""
    with running_temporal(["limit.historyCount.suggestContinueAsNew=40"]) as address:
        yield await Client.connect(address, data_converter=pydantic_data_converter)


@pytest.fixture
def idle(client: Client) -> Bench:
    """A bench without a worker: what happens meanwhile meets in one workflow task."""
    return Bench(client, f"t{uuid4().hex[:12]}")


def nap(partner: Partner) -> dict[str, Any]:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-nap", "method": "POST"}}
    return {"id": "nap", "type": "SLEEP", "with": {"duration": "3s"}, "depends_on": [], "compensate": undo}


@pytest.mark.parametrize("stop", ["cancel", "discard", "temporal cancel"])
async def test_what_had_slept_when_its_job_was_stopped_is_undone(idle: Bench, partner: Partner, stop: str) -> None:
    bad = {"id": "bad", "type": "FAIL", "depends_on": [], "retry": {"maximum_attempts": 1}}
    async with working(idle):
        handle = await idle.start([nap(partner), bad])
        await idle.until(handle, "nap", "WAITING")
        await idle.until(handle, "bad", "DEAD_LETTERED")
    asked = asyncio.create_task(ask(handle, stop))
    await idle.eventually(partial(fired, handle))
    async with working(idle):
        await asked
        await idle.eventually(partial(ended, handle))
        assert (await idle.states(handle))["nap"] == "COMPENSATED"
    assert partner.calls["/undo-nap"] == 1
    assert await told(handle) == [["STEP_WAITING", "STEP_COMPLETED", *UNDONE]]


async def test_what_had_slept_when_its_job_continued_as_new_is_told_once(idle: Bench, partner: Partner) -> None:
    async with working(idle):
        handle = await idle.start([nap(partner), {"id": "more", "type": "WAIT", "with": {"name": "go"}}])
        await idle.until(handle, "nap", "WAITING")
    await asyncio.gather(*(handle.signal("make_coffee", number) for number in range(45)))
    await idle.eventually(partial(fired, handle))
    async with working(idle):
        await idle.eventually(partial(continued, handle))
        await handle.execute_update("deliver", {"name": "go"})
        await idle.finish(handle)
    rows = [row for run in await told(handle) for row in run]
    assert rows == ["STEP_WAITING", "STEP_COMPLETED"]


async def test_a_job_that_continued_as_new_as_its_time_came_starts_once(idle: Bench) -> None:
    async with working(idle):
        handle = await idle.start([{"id": "say", "type": "LOG", "with": {"message": "now"}}], delay="3s")
        await idle.until(handle, "say", "PENDING")
    await asyncio.gather(*(handle.signal("make_coffee", number) for number in range(45)))
    await idle.eventually(partial(fired, handle))
    async with working(idle):
        await idle.finish(handle)
    runs = await histories(handle._client, handle.id)
    rows = [row.type for run in runs for row in (await folded(handle.id, run))[1]]
    assert rows.count(JournalType.JOB_STARTED) == 1


async def test_what_the_failure_of_its_job_stopped_before_it_began_is_omitted(idle: Bench, partner: Partner) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "call", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/call"}},
        nap(partner),
        {"id": "child", "type": "JOB", "with": {"job": {"name": "c", "queue": idle.queue, "steps": [nap(partner)]}}},
        {"id": "bad", "type": "LOG", "with": {"message": "no"}, "when": "${ input.nothing }"},
    ]
    steps = [{**step, "depends_on": []} for step in steps]
    async with working(idle):
        handle = await idle.start(steps, input={}, dead_letter={"enabled": False})
        await idle.finish(handle)
        meant = await idle.states(handle)
    (run,) = await histories(handle._client, handle.id)
    state, journal = await folded(handle.id, run)
    unbegun = {"call": "OMITTED", "nap": "OMITTED", "child": "OMITTED"}
    assert {id_: step.status.value for id_, step in state.steps.items()} == meant == {**unbegun, "bad": "FAILED"}
    assert {row.step_id for row in journal if row.type is JournalType.STEP_OMITTED} == set(unbegun)
    assert not partner.calls


async def ask(handle: Handle, stop: str) -> None:
    if stop == "temporal cancel":
        await handle.cancel()
    elif stop == "discard":
        await handle.signal(stop, BY)
    else:
        await handle.execute_update(stop, BY)


async def fired(handle: Handle) -> bool:
    return any(event.event_type == FIRED for event in (await handle.fetch_history()).events)


async def continued(handle: Handle) -> bool:
    described = (await handle.describe()).raw_description.workflow_execution_info
    return bool(described.first_run_id != described.execution.run_id)


async def ended(handle: Handle) -> bool:
    return (await handle.describe()).close_time is not None


async def told(handle: Handle) -> list[list[str]]:
    """What the journal says of the sleep, run by run; where the last one ended it agrees with its state."""
    runs = await histories(handle._client, handle.id)
    check_closed_once(runs)
    return [await rows_of(handle.id, run) for run in runs]


async def folded(id_: str, run: WorkflowHistory) -> tuple[FoldState, list[JournalEvent]]:
    check_no_task_failed(run)
    return fold_run(id_, run.run_id, await decode_events(pydantic_data_converter, run.events))


async def rows_of(id_: str, run: WorkflowHistory) -> list[str]:
    state, journal = await folded(id_, run)
    rows = [str(row.type) for row in journal if row.step_id == "nap"]
    if state.closed is not None and state.continued_from is None:
        assert state.steps["nap"].status.value == ("COMPENSATED" if "STEP_COMPENSATED" in rows else "COMPLETED")
    return rows
