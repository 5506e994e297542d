"""Jobs that are stopped while their units are in each of their states, and steps that begin again out of each."""

import asyncio
from functools import partial

from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.test_same_task import fired
from tests.integration.workflow.working import working
from tests.replay.case.part import (
    BY,
    Case,
    asked,
    call,
    child,
    compute,
    each,
    fail,
    nap,
    parked_units,
    undone,
    wait,
)
from tests.server.partner import Partner


async def canceled_while_parked(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/each-2"] = [404]
    many = [each(partner, [1, 2, 3], depends_on=[]), fail(depends_on=[])]
    handle = await bench.start([*many, {**nap("nap", "1h"), "depends_on": []}])
    await parked_units(bench, handle, 2)
    await handle.cancel()
    return handle


async def discarded_while_parked(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/each-2"] = [404]
    handle = await bench.start([each(partner, [1, 2, 3], depends_on=[]), fail(depends_on=[])])
    await parked_units(bench, handle, 2)
    await handle.signal("discard", BY)
    return handle


async def canceled_while_running(bench: Bench, partner: Partner) -> Handle:
    later = {"initial_interval": "1h", "maximum_interval": "1h"}
    partner.answers.update({"/each-1": [500], "/one": [500]})
    steps = [each(partner, [1, 1, 1], retry=later, depends_on=[]), call(partner, "one", retry=later, depends_on=[])]
    handle = await bench.start(steps)
    await bench.eventually(lambda: asked(partner, "/one", 1))
    await bench.eventually(lambda: asked(partner, "/each-1", 2))
    await handle.execute_update("cancel", BY)
    return handle


async def canceled_when_it_had_slept(bench: Bench, partner: Partner) -> Handle:
    """The timer has fired in the workflow task that begins with the cancel."""
    own = Bench(bench.client, f"{bench.queue}-slept")
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-nap"}}
    async with working(own, "recorder"):
        handle = await own.start([nap("nap", "2s", compensate=undo), wait("go")])
        await own.until(handle, "nap", "WAITING")
    asked = asyncio.create_task(handle.execute_update("cancel", BY))
    await own.eventually(partial(fired, handle))
    async with working(own, "recorder"):
        await asked
        await own.canceled(handle)
    return handle


async def failed_as_it_began(bench: Bench, partner: Partner) -> Handle:
    """What was begun in the workflow task of the failure never reaches Temporal."""
    steps = [call(partner, "one"), nap("nap"), child(bench, "inner", [nap("nap")]), fail(when="${ input.nothing }")]
    return await bench.start([{**step, "depends_on": []} for step in steps], dead_letter={"enabled": False})


async def canceled_before_its_time(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([nap("nap", "1ms")], delay="1h")
    await handle.cancel()
    return handle


async def canceled_while_paused(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([nap("nap", "1h")])
    await bench.until(handle, "nap", "WAITING")
    await handle.execute_update("pause", BY)
    await handle.cancel()
    return handle


async def begun_again(bench: Bench, partner: Partner) -> Handle:
    """Steps that are FAILED, SKIPPED, parked and COMPLETED, reset by a retry from the first."""
    steps = [
        undone(partner, "first"),
        fail("tolerated", continue_on_error=True),
        compute("never", "1", when="${ steps.tolerated.status == 'COMPLETED' }"),
        compute("rows", "1", for_each={"items": "${ steps.never.output }"}),
    ]
    handle = await bench.start(steps)
    await bench.until(handle, "rows", "DEAD_LETTERED")
    await handle.execute_update("retry", {**BY, "from_step": "first"})
    await bench.eventually(lambda: asked(partner, "/first", 2))
    await bench.until(handle, "rows", "DEAD_LETTERED")
    await handle.execute_update("skip", {**BY, "output": []})
    return handle


async def without_items_and_dead_letters(bench: Bench, partner: Partner) -> Handle:
    rows = compute("rows", "1", for_each={"items": "${ input.nothing }"})
    return await bench.start([rows], dead_letter={"enabled": False})


async def without_items_but_caught(bench: Bench, partner: Partner) -> Handle:
    rows = compute("rows", "1", for_each={"items": "${ input.nothing }"}, catch=[{"output": []}])
    return await bench.start([rows])


CASES: list[Case] = [
    canceled_while_parked,
    discarded_while_parked,
    canceled_while_running,
    failed_as_it_began,
    canceled_before_its_time,
    canceled_when_it_had_slept,
    canceled_while_paused,
    begun_again,
    without_items_and_dead_letters,
    without_items_but_caught,
]
