"""Continue-as-new in each state a job can be in then; the recording's server suggests it after 40 events."""

from typing import Any

from tests.integration.workflow.conftest import Bench, Handle
from tests.replay.case.part import (
    BY,
    Case,
    approval,
    call,
    compute,
    each,
    fail,
    nap,
    parked_compensation,
    parked_units,
    undone,
    wait,
)
from tests.server.partner import Partner


def chain(partner: Partner, count: int = 8) -> list[dict[str, Any]]:
    """Calls one after the other: enough events for a run, or two."""
    ids = [f"s{n}" for n in range(count)]
    return [call(partner, id_, depends_on=ids[max(0, n - 1) : n]) for n, id_ in enumerate(ids)]


async def continued_with_everything_open(bench: Bench, partner: Partner) -> Handle:
    partner.answers.update({"/each-2": [404, 200], "/parks": [404, 200]})
    ask = approval("ask", required_approvals=2, allow_self_approval=True)
    steps = [
        *chain(partner),
        nap("nap", "4s", depends_on=[]),
        each(partner, [1, 2, 3], depends_on=[]),
        call(partner, "parks", depends_on=[]),
        {**ask, "depends_on": []},
        {**wait("go", timeout="1h"), "depends_on": []},
        {**wait("later"), "depends_on": ["s7"]},
        fail("tolerated", continue_on_error=True, depends_on=[]),
    ]
    handle = await bench.start(steps, timeout="1h")
    await bench.until(handle, "ask", "WAITING")
    await handle.execute_update("approve", {"actor": "ann", "decision": "approve"})
    await handle.execute_update("deliver", {**BY, "name": "later", "payload": [1]})
    await bench.until(handle, "s7", "COMPLETED")
    await handle.execute_update("approve", {"actor": "bob", "decision": "approve"})
    await handle.execute_update("deliver", {**BY, "name": "go", "payload": 7})
    await parked_units(bench, handle, 2)
    await handle.execute_update("retry", {**BY, "patch": {"parks": {"query": {"v": "2"}}}})
    return handle


async def continued_while_paused(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([call(partner, "one"), nap("nap", "30s"), compute("last", "1")])
    await bench.until(handle, "nap", "WAITING")
    for number in range(12):
        await handle.execute_update("pause", {"actor": f"a{number}"})
        if number < 11:
            await handle.execute_update("resume", {"actor": f"a{number}"})
    await bench.eventually(lambda: continued(handle))
    await handle.execute_update("resume", BY)
    await handle.execute_update("cancel", BY)
    return handle


async def continued_while_waiting_by_expression(bench: Bench, partner: Partner) -> Handle:
    named = {"type": "WAIT", "with": {"name": "${ input.who }-${ index }"}, "for_each": {"items": [1, 2]}}
    steps = [
        {**wait("go"), "with": {"name": "go-${ input.who }"}, "depends_on": []},
        {"id": "many", **named, "depends_on": []},
        call(partner, "one", depends_on=[]),
    ]
    handle = await bench.start(steps, input={"who": "ann"})
    await bench.until(handle, "one", "COMPLETED")
    for number in range(9):
        await handle.execute_update("pause", {"actor": f"a{number}", "reason": f"for {number}"})
        if number < 8:
            await handle.execute_update("resume", {"actor": f"a{number}"})
    await bench.eventually(lambda: continued(handle))
    await handle.execute_update("resume", BY)
    await handle.execute_update("cancel", {})
    return handle


async def continued_while_scheduled(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([nap("nap", "1ms")], delay="4s")
    for number in range(12):
        await handle.signal("make_coffee", number)
        await bench.let_pass(0.02)
    await bench.eventually(lambda: continued(handle))
    return handle


async def continued_in_compensation(bench: Bench, partner: Partner) -> Handle:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-${{ item }}"}}
    items = list(range(12))
    partner.answers.update({"/undo-3": [404, 200]})
    steps = [undone(partner, "first"), each(partner, items, compensate=undo), fail()]
    handle = await bench.start(steps)
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", BY)
    await parked_compensation(bench, handle)
    await handle.execute_update("retry", BY)
    return handle


async def continued_after_a_cancel(bench: Bench, partner: Partner) -> Handle:
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo-${{ item }}"}}
    handle = await bench.start([each(partner, list(range(16)), compensate=undo), nap("nap", "1h")])
    await bench.until(handle, "nap", "WAITING")
    await handle.execute_update("cancel", BY)
    return handle


async def continued(handle: Handle) -> bool:
    return (await handle.describe()).run_id != handle.first_execution_run_id


CASES: list[Case] = [
    continued_with_everything_open,
    continued_while_paused,
    continued_while_waiting_by_expression,
    continued_while_scheduled,
    continued_in_compensation,
    continued_after_a_cancel,
]
