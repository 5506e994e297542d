"""What crosses with compensations: pauses, children that go on by themselves, timeouts, more decisions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from perdure.contract.limit import JobLimits
from perdure.contract.name import ACTIVITY_HOLD_STEPS
from perdure.contract.state import JobStatus
from tests.integration.workflow import history_check as check
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_compensation import undone
from tests.integration.workflow.test_control import in_backoff, no_task_failed
from tests.integration.workflow.test_parking import call, refused, status_attribute
from tests.integration.workflow.working import working
from tests.server.partner import Partner

ROOM = JobLimits(state_bytes=16_000)
SOON = {"maximum_attempts": 2, "initial_interval": "3s", "jitter": 0.0}


class Gate(ClientInterceptor, Interceptor):
    """Keeps the engine from holding steps until the gate is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Gated(next, self)


class _Gated(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, gate: Gate) -> None:  # noqa: A002
        super().__init__(next)
        self._gate = gate

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        if activity.info().activity_type == ACTIVITY_HOLD_STEPS:
            self._gate.reached.set()
            await self._gate.open.wait()
        return await super().execute_activity(input)


@pytest.fixture
async def gated(temporal_address: str) -> AsyncIterator[tuple[Bench, Gate]]:
    gate = Gate()
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter, interceptors=[gate])
    bench = Bench(client, f"t{uuid4().hex[:12]}")
    async with working(bench):
        yield bench, gate


def undo_retried(partner: Partner, id_: str) -> dict[str, Any]:
    """A step whose compensation fails at first."""
    partner.answers[f"/undo/{id_}"] = [503, 200]
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo/{id_}", "method": "POST"}, "retry": SOON}
    return call(partner, id_, compensate=undo)


async def test_a_compensation_that_began_while_steps_are_being_held_goes_on(
    gated: tuple[Bench, Gate], partner: Partner
) -> None:
    bench, gate = gated
    handle = await bench.start([undo_retried(partner, "a"), in_backoff(partner, "b")])
    await bench.eventually(lambda: called(partner, "/b"))
    pausing = asyncio.create_task(handle.execute_update("pause", {"actor": "ann"}))
    await asyncio.wait_for(gate.reached.wait(), 60)
    await handle.cancel()
    await bench.eventually(lambda: called(partner, "/undo/a"))
    gate.open.set()
    assert await bench.canceled(handle)
    await pausing
    assert partner.calls["/undo/a"] == 2
    await no_task_failed(bench, handle)


async def test_a_job_that_undoes_takes_no_pause_and_is_not_held_up_by_one(bench: Bench, partner: Partner) -> None:
    handle = await bench.start([undo_retried(partner, "a"), in_backoff(partner, "b")])
    await bench.eventually(lambda: called(partner, "/b"))
    await handle.execute_update("pause", {"actor": "ann"})
    await handle.cancel()
    await bench.eventually(lambda: called(partner, "/undo/a"))
    assert await refused(handle, "pause") == "API.JOB_CLOSED"
    assert await bench.canceled(handle)
    assert partner.calls["/undo/a"] == 2


async def test_a_step_that_started_a_child_of_its_own_is_undone_in_the_order_it_completed(
    bench: Bench, partner: Partner
) -> None:
    nap = {"type": "SLEEP", "with": {"duration": "20ms"}}
    child = {"name": "child", "queue": bench.queue, "steps": [{"id": "only", **nap}]}
    free = {"id": "free", "type": "JOB", "with": {"job": child, "wait": False}, "depends_on": []}
    steps = [
        {**free, "compensate": {"type": "LOG", "with": {"message": "free"}}},
        {**undone(partner, "then"), "depends_on": ["free"]},
        {"id": "go", "type": "WAIT", "with": {"name": "go"}, "depends_on": ["then"]},
        {"id": "bad", "type": "FAIL", "with": {"class": "PERMANENT"}, "depends_on": ["go"]},
    ]
    handle = await bench.start(steps, dead_letter={"enabled": False})
    freed = bench.client.get_workflow_handle(f"{handle.id}~free")
    await bench.until_started(freed)
    await bench.finish(freed)
    await handle.execute_update("deliver", {"name": "go"})
    await bench.finish(handle)
    runs = [run for run in await check.histories(bench.client, handle.id) if run.workflow_id == handle.id]
    told = list(check.happenings(runs))
    undoes = [unit for what, unit, _ in told if what == "ended" and unit.endswith(".compensate")]
    assert undoes == ["then.compensate", "free.compensate"]
    check.check_reverse(told, ["then", "free"])


async def test_a_parked_compensation_is_no_part_of_the_jobs_timeout(bench: Bench, partner: Partner) -> None:
    partner.answers["/undo/a"] = [404, 200]
    steps = [undone(partner, "a"), {"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}]
    handle = await bench.start(steps, timeout="3s")
    await bench.until(handle, "nap", "CANCELED")

    await bench.eventually(lambda: are_parked(handle, ["a.compensate"]))
    assert await status_attribute(handle) == ["DEAD_LETTERED"]
    await handle.execute_update("retry", {"actor": "ann"})
    assert (await bench.finish(handle)).status is JobStatus.TIMED_OUT
    assert (await bench.states(handle))["a"] == "COMPENSATED"


async def are_parked(handle: Handle, names: list[str]) -> bool:
    found: list[str] = (await handle.query("state"))["parked"]
    return found == names


async def called(partner: Partner, path: str) -> bool:
    return partner.calls[path] >= 1


def too_long(partner: Partner) -> dict[str, Any]:
    """Eight items in order; `ROOM` is for the outputs of five."""
    url = f"{partner.url}/undo/${{ item }}/${{ size(steps.each.output[index] == null ? '' : 'kept') }}"
    return {
        "id": "each",
        "type": "COMPUTE",
        "for_each": {"items": list(range(8)), "max_parallel": 1},
        "with": {"expression": "input"},
        "compensate": {"type": "HTTP_CALL", "with": {"url": url, "method": "POST"}},
    }


async def parked_as_a_whole(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([too_long(partner)], input="x" * 2_400, limits=ROOM)
    await bench.eventually(lambda: are_parked(handle, ["each"]))
    return handle


async def test_items_that_completed_are_undone_although_their_list_was_too_long(bench: Bench, partner: Partner) -> None:
    handle = await parked_as_a_whole(bench, partner)
    await handle.execute_update("discard", {"actor": "ann"})
    result = await bench.finish(handle)
    assert result.error is not None
    assert (result.status, result.error.code) == (JobStatus.FAILED, "ENGINE.STATE_TOO_LARGE")
    undone = [path for path in partner.order if path.startswith("/undo")]
    # What came after the sixth may have been made with it, in one local activity.
    assert undone[-6:] == ["/undo/5/0", "/undo/4/4", "/undo/3/4", "/undo/2/4", "/undo/1/4", "/undo/0/4"]
    assert undone[:-6] in ([], ["/undo/6/0"], ["/undo/7/0", "/undo/6/0"])
    await no_task_failed(bench, handle)


async def test_a_list_that_was_too_long_is_made_anew_by_a_retry_and_undone_once(bench: Bench, partner: Partner) -> None:
    handle = await parked_as_a_whole(bench, partner)
    await handle.execute_update("retry", {"actor": "ann", "patch": {"each": {"expression": "item"}}})
    assert (await bench.finish(handle)).output == {"each": list(range(8))}
    assert not partner.calls


async def test_a_list_that_was_too_long_may_be_replaced_by_an_output_as_large(bench: Bench, partner: Partner) -> None:
    handle = await parked_as_a_whole(bench, partner)
    await handle.execute_update("skip", {"actor": "ann", "step": "each", "output": "x" * 2_400})
    assert (await bench.finish(handle)).output == {"each": "x" * 2_400}
    assert not partner.calls
