"""Compensations, on every bad end, and those that fail."""

import asyncio

from perdure.contract.limit import JobLimits
from tests.integration.workflow.conftest import Bench, Handle
from tests.replay.case.part import BY, Case, call, compute, each, fail, nap, parked_compensation, undone
from tests.server.partner import Partner


async def discarded_and_undone(bench: Bench, partner: Partner) -> Handle:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-${{ item }}"}}
    local = {"type": "COMPUTE", "with": {"expression": "1"}}
    steps = [
        undone(partner, "a"),
        each(partner, ["x", "y"], compensate=undo),
        compute("b", "1", compensate=local),
        fail(),
    ]
    handle = await bench.start(steps)
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", BY)
    return handle


async def failed_and_undone(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/undo-a"] = [404]
    steps = [undone(partner, "a"), undone(partner, "b"), fail()]
    return await bench.start(steps, dead_letter={"enabled": False})


async def expired_and_undone(bench: Bench, partner: Partner) -> Handle:
    return await bench.start([undone(partner, "a"), fail()], dead_letter={"retention": "50ms"})


async def timed_out_and_undone(bench: Bench, partner: Partner) -> Handle:
    return await bench.start([undone(partner, "a"), nap("nap", "1h")], timeout="500ms")


async def canceled_and_undone(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([undone(partner, "a"), nap("nap", "1h")])
    await bench.until(handle, "nap", "WAITING")
    await handle.cancel()
    return handle


async def compensation_parked_and_retried(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/undo-b"] = [404, 200]
    handle = await _parked(bench, partner)
    await handle.cancel()
    await handle.signal("retry", BY)
    return handle


async def compensation_skipped(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/undo-b"] = [404]
    handle = await _parked(bench, partner)
    await handle.execute_update("skip", BY)
    return handle


async def compensation_given_up(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/undo-b"] = [404]
    handle = await _parked(bench, partner)
    await handle.execute_update("discard", BY)
    return handle


async def compensation_expired(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/undo-b"] = [404]
    return await bench.start([undone(partner, "a"), undone(partner, "b"), fail()], dead_letter={"retention": "100ms"})


async def list_too_long_undone(bench: Bench, partner: Partner) -> Handle:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-${{ item }}"}}
    text = {"expression": "job.name + job.name + job.name + job.name"}
    many = {"items": list(range(6)), "max_parallel": 3}
    step = {"id": "each", "type": "COMPUTE", "with": text, "for_each": many, "compensate": undo}
    handle = await bench.start([step], name="n" * 100, limits=JobLimits(state_bytes=3_000))
    await bench.until(handle, "each", "DEAD_LETTERED")
    await handle.execute_update("discard", BY)
    return handle


async def canceled_while_it_was_being_held(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/b"] = [503]
    partner.delays["/undo-a"] = 1
    patient = {"initial_interval": "1h", "maximum_interval": "1h"}
    handle = await bench.start([undone(partner, "a"), call(partner, "b") | {"retry": patient}])

    async def failed_once() -> bool:
        return partner.calls["/b"] == 1

    await bench.eventually(failed_once)
    pausing = asyncio.create_task(handle.execute_update("pause", BY))
    await asyncio.sleep(0.005)  # it is a race, and either way a history
    await handle.cancel()
    await pausing
    return handle


async def _parked(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([undone(partner, "a"), undone(partner, "b"), fail()])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", BY)
    await parked_compensation(bench, handle)
    return handle


CASES: list[Case] = [
    discarded_and_undone,
    failed_and_undone,
    expired_and_undone,
    timed_out_and_undone,
    canceled_and_undone,
    compensation_parked_and_retried,
    compensation_skipped,
    compensation_given_up,
    compensation_expired,
    list_too_long_undone,
    canceled_while_it_was_being_held,
]
