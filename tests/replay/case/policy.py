"""Policies of every kind, and steps whose turn never came because of how their job ended."""

from perdure.contract.limit import JobLimits
from tests.integration.workflow.conftest import Bench, Handle
from tests.replay.case.part import BY, Case, approval, call, compute, fail, nap, wait
from tests.server.partner import Partner


async def every_policy(bench: Bench, partner: Partner) -> Handle:
    times = {"timeout": "1m", "total_timeout": "1h", "heartbeat_timeout": "10s"}
    undo = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/undo"}, **times}
    return await bench.start(
        [call(partner, "a", compensate=undo, **times), fail()],
        type="SIMULATION",
        priority=1,
        fairness_key="acme",
        retry={"maximum_attempts": 2, "initial_interval": "10ms"},
        dead_letter={"enabled": False},
    )


async def discarded_before_the_last(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([fail(), compute("after", "1")])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.signal("discard", BY)
    return handle


async def expired_before_the_last(bench: Bench, partner: Partner) -> Handle:
    return await bench.start([fail(), compute("after", "1")], dead_letter={"retention": "50ms"})


async def timed_out_before_the_last(bench: Bench, partner: Partner) -> Handle:
    return await bench.start([nap("nap", "1h"), compute("after", "1")], timeout="300ms")


async def canceled_while_waiting(bench: Bench, partner: Partner) -> Handle:
    steps = [
        {**approval("one"), "depends_on": []},
        {**approval("two"), "depends_on": []},
        {**wait("go"), "depends_on": []},
        {**wait("each"), "depends_on": [], "for_each": {"items": [1, 2, 3], "max_parallel": 2}},
    ]
    handle = await bench.start(steps)
    await bench.until(handle, "two", "WAITING")
    await handle.execute_update("approve", {**BY, "step": "one", "role": "boss", "decision": "approve"})
    await handle.execute_update("deliver", {**BY, "name": "each", "payload": 1})
    await handle.cancel()
    return handle


async def no_time_for_another_attempt(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/a"] = [500]
    slow = {"initial_interval": "30s", "jitter": 0.0}
    caught = [{"errors": ["STEP.TOTAL_TIMEOUT"], "output": "late"}]
    return await bench.start([call(partner, "a", total_timeout="10s") | {"retry": slow, "catch": caught}])


async def more_taken_over_than_fits(bench: Bench, partner: Partner) -> Handle:
    steps = [compute("a", "1"), compute("b", "steps.a.output")]
    return await bench.start(steps, kept={"a": "x" * 2_000}, limits=JobLimits(state_bytes=2_000))


CASES: list[Case] = [
    every_policy,
    discarded_before_the_last,
    expired_before_the_last,
    timed_out_before_the_last,
    canceled_while_waiting,
    no_time_for_another_attempt,
    more_taken_over_than_fits,
]
