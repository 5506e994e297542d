"""Fan-outs, catch, continue_on_error, waits, child jobs, dependents: how a job flows by itself."""

from tests.integration.workflow.conftest import Bench, Handle
from tests.replay.case.part import BY, Case, approval, asked, call, child, compute, each, fail, nap, parked_units, wait
from tests.server.partner import Partner


async def fan_outs(bench: Bench, partner: Partner) -> Handle:
    many = {"items": "${ input.rows }", "max_parallel": 3}
    return await bench.start(
        [
            compute("double", "item * 2 + index", for_each=many),
            {"id": "say", "type": "LOG", "with": {"message": "row ${ item }"}, "for_each": many},
            nap("nap", "${ item }0ms", for_each=many),
            each(partner, [1, 2, 3]),
            compute("none", "1", for_each={"items": []}),
            compute("never", "1", for_each=many, when=False),
        ],
        input={"rows": [1, 2, 3, 4, 5, 6, 7]},
        output="${ steps.double.output }",
    )


async def items_parked_retried_caught(bench: Bench, partner: Partner) -> Handle:
    partner.answers.update({"/each-2": [404, 404, 200], "/each-3": [404]})
    partner.answers["/each-4"] = [500]
    caught = [{"errors": ["STEP.HTTP.5XX"], "output": {"was": "${ item }", "code": "${ steps.each.error.code }"}}]
    handle = await bench.start([each(partner, [1, 2, 3, 4, 5], catch=caught)])
    await parked_units(bench, handle, 2)
    await handle.execute_update("retry", {**BY, "steps": ["each.1"]})
    await bench.eventually(lambda: asked(partner, "/each-2", 2))
    await parked_units(bench, handle, 2)
    await handle.execute_update("skip", {**BY, "step": "each.2", "output": "by hand"})
    await handle.execute_update("retry", {**BY, "steps": ["each"]})
    return handle


async def tolerated_and_caught(bench: Bench, partner: Partner) -> Handle:
    return await bench.start(
        [
            fail("caught", catch=[{"errors": ["OTHER.*"], "output": 1}, {"errors": ["MY.*"], "output": {"ok": False}}]),
            fail("tolerated", continue_on_error=True),
            compute("items", "10 / item", for_each={"items": [1, 0, 2]}, continue_on_error=True),
            compute("last", "steps.items.output"),
        ]
    )


async def waits(bench: Bench, partner: Partner) -> Handle:
    schema = {"type": "object", "required": ["n"]}
    steps = [
        wait("early", schema=schema),
        wait("go", timeout="1h"),
        wait("late", timeout="30ms", on_timeout="continue"),
        approval("ask", required_approvals=2, roles=["boss"], message="sure?", allow_self_approval=True),
        approval("slow", timeout="30ms", on_timeout="continue"),
        {**wait("expires", timeout="30ms"), "catch": [{"errors": ["STEP.WAIT.TIMEOUT"]}]},
        {**wait("each"), "for_each": {"items": [1, 2]}},
    ]
    handle = await bench.start([nap("nap", "200ms"), *steps])
    await handle.signal("deliver", {**BY, "name": "early", "payload": {"n": 1}})
    await bench.until(handle, "go", "WAITING")
    await handle.execute_update("deliver", {**BY, "name": "go", "payload": 7})
    await bench.until(handle, "ask", "WAITING")
    for actor in ("ann", "bob"):
        await handle.execute_update("approve", {"actor": actor, "role": "boss", "decision": "approve"})
    for _ in range(2):
        await bench.until(handle, "each", "RUNNING")
        await handle.execute_update("deliver", {**BY, "name": "each", "payload": None})
    return handle


async def rejected(bench: Bench, partner: Partner) -> Handle:
    handle = await bench.start([approval("ask"), compute("after", "1")])
    await bench.until(handle, "ask", "WAITING")
    await handle.execute_update("approve", {"actor": "ann", "decision": "reject", "reason": "too dear"})
    await bench.until(handle, "ask", "DEAD_LETTERED")
    await handle.signal("retry", BY)
    await bench.until(handle, "ask", "WAITING")
    await handle.execute_update("approve", {"actor": "ann", "decision": "approve"})
    return handle


async def child_jobs(bench: Bench, partner: Partner) -> Handle:
    inner = [compute("calc", "input + 1")]
    job = {"input": "${ item }", "output": "${ steps.calc.output }"}
    partner.answers["/inner"] = [404, 200]
    broken = child(bench, "broken", [call(partner, "inner")], job={"dead_letter": {"enabled": False}})
    handle = await bench.start(
        [
            child(bench, "all", inner, job=job, for_each={"items": [1, 2]}),
            child(bench, "free", [nap("nap")], **{"with": {"wait": False}}),
            broken,
        ],
        labels={"team": "a"},
        correlation_id="c",
    )
    await bench.until(handle, "broken", "DEAD_LETTERED")
    await handle.signal("retry")
    return handle


async def dependents(bench: Bench, partner: Partner) -> Handle:
    deeper = {"name": "deeper", "job": {"name": "deeper", "queue": bench.queue, "steps": [nap("nap", "1ms")]}}
    job = {"name": "next", "queue": bench.queue, "input": "${ steps.one.output }", "steps": [compute("c", "input")]}
    handle = await bench.start(
        [compute("one", "1"), fail()],
        dependents=[
            {"name": "bad-news", "when": "dead_letter", "job": job},
            {"name": "good-news", "when": "success", "job": {**job, "dependents": [deeper]}},
            {"name": "sad-news", "when": "failure", "job": job},
            {"name": "news", "when": "always", "job": {**job, "input": "${ steps.nowhere.output }"}},
        ],
    )
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.signal("skip", {"output": 1})
    return handle


async def at_most_once(bench: Bench, partner: Partner) -> Handle:
    partner.answers["/pay"] = [503, 502, 200]
    handle = await bench.start([call(partner, "pay", effect="at_most_once", timeout="10s", total_timeout="1m")])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    await handle.execute_update("retry", {**BY, "force": True})
    return handle


async def tried_locally_then_remotely(bench: Bench, partner: Partner) -> Handle:
    """`big` returns more than a local try may; `loops` needs a child process."""
    return await bench.start(
        [
            compute("big", "input"),
            compute("loops", "[1, 2, 3].map(n, n * 2)"),
        ],
        input="x" * 40_000,
        output=1,
    )


CASES: list[Case] = [
    fan_outs,
    items_parked_retried_caught,
    tolerated_and_caught,
    waits,
    rejected,
    child_jobs,
    dependents,
    at_most_once,
    tried_locally_then_remotely,
]
