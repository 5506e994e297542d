"""Pause, start time, retries of every kind, skip, refused commands, a worker that is stopped."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from temporalio.client import WorkflowUpdateFailedError

from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.working import working
from tests.replay.case.part import (
    BY,
    Case,
    asked,
    backs_off,
    call,
    compute,
    each,
    fail,
    nap,
    parked_units,
    wait,
    waits_for_an_attempt,
)
from tests.server.partner import Partner


async def paused_and_resumed(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/flaky"] = [500]
    policy = {"maximum_attempts": 1_000, "initial_interval": "20ms", "backoff_coefficient": 1.0, "jitter": 0}
    handle = await bench.start(
        [
            call(partner, "flaky", retry=policy, depends_on=[]),
            nap("nap", "100ms", depends_on=[]),
            {**nap("then", "1ms"), "depends_on": ["nap"]},
        ],
        timeout="1h",
        dead_letter={"retention": "1h"},
    )

    async def tried() -> bool:
        return partner.calls["/flaky"] > 1

    await bench.eventually(tried)
    await handle.execute_update("pause", BY)
    await bench.until(handle, "nap", "COMPLETED")
    partner.answers["/flaky"] = [200]
    await handle.execute_update("resume", BY)
    return handle


async def started_later(bench: Bench, partner: Partner) -> Handle:
    begin = datetime.now(UTC) + timedelta(milliseconds=500)
    handle = await bench.start([nap("nap", "1ms")], start_at=begin.isoformat())
    await handle.execute_update("pause", BY)
    await handle.execute_update("resume", BY)
    return handle


async def delayed(bench: Bench, partner: Partner) -> Handle:
    return await bench.start([nap("nap", "1ms")], delay="200ms")


async def retried_from_a_step(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/last"] = [404, 404, 200]
    steps = [compute("one", "1"), call(partner, "two"), each(partner, [1, 2]), call(partner, "last")]
    handle = await bench.start(steps)
    await bench.until(handle, "last", "DEAD_LETTERED")
    await handle.execute_update("retry", {**BY, "from_step": "two"})
    await bench.eventually(lambda: asked(partner, "/last", 2))
    await bench.until(handle, "last", "DEAD_LETTERED")
    await handle.execute_update("retry", {**BY, "from_step": "last", "patch": {"last": {"query": {"v": "2"}}}})
    return handle


async def retried_with_a_patch(bench: Bench, partner: Partner) -> Handle:
    partner.answers.update({"/pay": [404], "/each-2": [404]})
    handle = await bench.start([call(partner, "pay", depends_on=[]), each(partner, [1, 2], depends_on=[])])
    await parked_units(bench, handle, 2)
    url = f"{partner.url}/mended"
    await handle.execute_update("retry", {**BY, "steps": ["pay"], "patch": {"pay": {"url": url}}})
    await handle.execute_update("retry", {**BY, "patch": {"each.1": {"url": url}}})
    return handle


async def skipped(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([fail("one", depends_on=[]), fail("two", depends_on=[])])
    await parked_units(bench, handle, 2)
    await handle.execute_update("skip", {**BY, "step": "one", "output": {"by": "hand"}})
    await handle.signal("skip", {"output": 2})
    return handle


async def skipped_wait(bench: Bench, _: Partner) -> Handle:
    """What a skip supplies has to meet the schema of what it skips."""
    schema = {"type": "object", "required": ["amount"]}
    handle = await bench.start([wait("paid", timeout="1ms", schema=schema)])
    await parked_units(bench, handle, 1)
    for output in (7, {"amount": 1}):
        await handle.signal("skip", {**BY, "output": output})
    return handle


async def refused_commands(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([nap("nap", "300ms"), fail()])
    stray: list[tuple[str, list[Any]]] = [
        ("retry", []),
        ("skip", [7]),
        ("discard", [{"actor": []}]),
        ("deliver", [{"name": "nobody"}]),
        ("make_coffee", [1, 2]),
    ]
    for name, args in stray:
        await handle.signal(name, args=args)
    for name, args in [*stray, ("approve", [{"decision": "approve"}]), ("resume", [BY])]:
        try:
            await handle.execute_update(name, args=args)
        except WorkflowUpdateFailedError:
            continue
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.signal("discard", BY)
    return handle


async def stopped_by_temporal_itself(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/flaky"] = [500]
    handle = await bench.start([call(partner, "flaky", retry={"initial_interval": "1h", "maximum_interval": "1h"})])
    await bench.eventually(lambda: asked(partner, "/flaky", 1))
    await handle.cancel()
    return handle


async def hurried_and_given_up(bench: Bench, partner: Partner) -> Handle:
    partner.answers.update({"/pay": [500, 200], "/mail": [500]})
    late = {"initial_interval": "1h", "maximum_interval": "1h"}
    steps = [call(partner, id_, retry=late, depends_on=[]) for id_ in ("pay", "mail")]
    handle = await bench.start(steps)
    for path in ("/pay", "/mail"):
        await bench.eventually(partial(asked, partner, path, 1))
    await bench.eventually(partial(waits_for_an_attempt, handle, 2))
    await handle.execute_update("retry_now", {**BY, "steps": ["pay"]})
    await bench.until(handle, "pay", "COMPLETED")
    await handle.execute_update("give_up", {**BY, "steps": ["mail"]})
    await bench.until(handle, "mail", "DEAD_LETTERED")
    await handle.signal("skip", {})
    return handle


async def hurried_in_vain(bench: Bench, partner: Partner) -> Handle:
    """Recorded before the workflow let anybody end its own backoffs: both updates were taken, and changed nothing."""
    partner.answers.update({"/pay": [503, 200], "/mail": [503, 503, 200]})
    late = {"initial_interval": "2s", "maximum_interval": "2s"}
    steps = [call(partner, id_, retry=late, effect="at_most_once", depends_on=[]) for id_ in ("pay", "mail")]
    handle = await bench.start(steps)
    await bench.eventually(partial(backs_off, handle, 2))
    await handle.execute_update("retry_now", {**BY, "steps": ["pay"]})
    await handle.execute_update("give_up", {**BY, "steps": ["mail"]})
    return handle


async def hurried_on_timers(bench: Bench, partner: Partner) -> Handle:
    """Of what the workflow repeats itself; at last one whose attempt runs is given up, and not repeated."""
    partner.answers.update({"/pay": [503, 200], "/mail": [503], "/slow": [503]})
    late = {"initial_interval": "1h", "maximum_interval": "1h"}
    once = {"retry": late, "effect": "at_most_once", "depends_on": []}
    said = {"id": "say", "type": "LOG", "with": {"message": "${ secrets.NONE }"}, "retry": late, "depends_on": []}
    handle = await bench.start([*(call(partner, id_, **once) for id_ in ("pay", "mail")), said])
    await bench.eventually(partial(backs_off, handle, 3))
    await handle.execute_update("retry_now", {**BY, "steps": ["pay"]})
    await bench.until(handle, "pay", "COMPLETED")
    await handle.execute_update("give_up", {**BY, "steps": ["mail", "say"]})
    await bench.until(handle, "mail", "DEAD_LETTERED")
    await bench.until(handle, "say", "DEAD_LETTERED")
    partner.delays["/mail"] = 1
    await handle.execute_update("retry", {**BY, "steps": ["mail"]})
    await bench.eventually(partial(asked, partner, "/mail", 2))
    await handle.execute_update("give_up", {**BY, "steps": ["mail"]})
    await bench.until(handle, "mail", "DEAD_LETTERED")
    await handle.signal("discard", {})
    return handle


async def worker_stopped(bench: Bench, partner: Partner) -> Handle:
    """The only attempt that the policy allows is cut off by a deployment, and made again."""
    partner.delays["/slow"] = 20
    own = Bench(bench.client, f"{bench.queue}-own")
    slow = {**call(partner, "slow"), "retry": {"maximum_attempts": 1}}
    async with working(own, "recorder", worker_grace_seconds=0):
        handle = await own.start([slow])
        await own.eventually(lambda: asked(partner, "/slow", 1))
        partner.delays["/slow"] = 0
    async with working(own, "recorder"):
        await own.finish(handle)
    return handle


CASES: list[Case] = [
    paused_and_resumed,
    started_later,
    delayed,
    retried_from_a_step,
    retried_with_a_patch,
    skipped,
    skipped_wait,
    refused_commands,
    stopped_by_temporal_itself,
    hurried_and_given_up,
    hurried_in_vain,
    hurried_on_timers,
    worker_stopped,
]
