"""Compensations, on every bad end, and those that fail."""

from tests.integration.workflow.conftest import Bench, Handle
from tests.replay.case.part import BY, Case, compute, each, fail, nap, parked_compensation, undone
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
]
