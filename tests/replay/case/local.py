"""Cheap steps made in batches: in a row, side by side, with a failure or a slow one among them."""

import json
from typing import Any
from uuid import uuid4

from perdure.contract.execution import JobStart
from perdure.contract.name import JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec, effective
from tests.integration.workflow.conftest import Bench, Handle
from tests.replay.case.part import BY, Case, compute, each, fail, nap
from tests.server.partner import Partner

ONCE = {"maximum_attempts": 1}


def log(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "LOG", "with": {"message": f"{id_} of ${{ job.id }}"}, **fields}


async def cheap_in_a_row(bench: Bench, partner: Partner) -> Handle:
    """`sum` needs what comes before it, `big` gives too much to be made here: each ends what is made at once."""
    return await bench.start(
        [
            log("a"),
            compute("b", "1 + 1"),
            compute("sum", "steps.b.output + 1"),
            log("c"),
            compute("big", "input"),
            log("d"),
        ],
        input="x" * 40_000,
        output="${ steps.sum.output }",
    )


async def cheap_side_by_side(bench: Bench, partner: Partner) -> Handle:
    return await bench.start(
        [
            log("root", depends_on=[]),
            log("left", depends_on=["root"]),
            compute("right", "2", depends_on=["root"]),
            log("join", depends_on=["left", "right"]),
            log("asked", depends_on=["join"], when="${ steps.right.output == 2 }"),
            log("apart", depends_on=[], compensate={"type": "LOG", "with": {"message": "undone"}}),
            {**nap("nap", "20ms"), "depends_on": ["apart"]},
            log("late", depends_on=["nap", "join"]),
        ]
    )


async def cheap_one_fails(bench: Bench, partner: Partner) -> Handle:
    undo = {"compensate": {"type": "LOG", "with": {"message": "undone"}}}
    handle = await bench.start(
        [log("a", **undo), compute("b", "1 / 0"), log("c", **undo), log("d", **undo), fail()],
    )
    await bench.until(handle, "b", "DEAD_LETTERED")
    await handle.execute_update("skip", {**BY, "step": "b", "output": 1})
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", BY)
    return handle


async def cheap_items(bench: Bench, partner: Partner) -> Handle:
    many = {"items": list(range(30)), "max_parallel": 12}
    steps = [
        compute("half", "60 / (item - 7)", for_each=many, retry=ONCE),
        compute("size", "size(steps.half.output)"),
        {**each(partner, [1]), "id": "call"},
        log("say", for_each={"items": "${ steps.half.output }", "max_parallel": 100}),
    ]
    handle = await bench.start(steps)
    await bench.until(handle, "half", "DEAD_LETTERED")
    await handle.execute_update("retry", {**BY, "steps": ["half.7"], "patch": {"half.7": {"expression": "0"}}})
    return handle


async def cheap_from_a_start_that_knows(bench: Bench, partner: Partner) -> Handle:
    """As the API starts jobs: the input says that tries are made in batches, and no patch needs to."""
    many = {"items": [3, 1, 2], "max_parallel": 2}
    body = {"name": "test", "queue": bench.queue, "steps": [log("a"), log("b"), compute("c", "item", for_each=many)]}
    spec = effective(JobSpec.model_validate_json(json.dumps(body)))
    start = JobStart(spec=spec, tenant="default", local_batches=True)
    return await bench.client.start_workflow(
        JOB_WORKFLOW, start, id=f"default:{uuid4().hex}", task_queue=task_queue(bench.queue)
    )


CASES: list[Case] = [cheap_in_a_row, cheap_side_by_side, cheap_one_fails, cheap_items, cheap_from_a_start_that_knows]
