"""The bounds of batches, what meets with them, and what Temporal is told of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

import activities.local
from perdure.contract.execution import JobStart
from perdure.contract.limit import JobLimits
from perdure.contract.name import JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec, effective
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.reader import read_new
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.local_batches import batches, compute, folded, log, many
from tests.integration.workflow.working import working
from worker.marking_runner import _MarkingInstance


async def test_time_that_is_up_leaves_the_rest_to_the_next_batch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities.local, "LOCAL_SECONDS", 0)
    steps = [log("a"), log("b"), compute("each", "item", **many([1, 2, 3]))]
    handle = await bench.start(steps, output="${ steps.each.output }")
    assert (await bench.finish(handle)).output == [1, 2, 3]
    assert await batches(handle) == [["a"], ["b"], ["each.0"], ["each.1"], ["each.2"]]
    await folded(bench, handle)


async def test_no_more_is_begun_ahead_than_may_be_in_flight(bench: Bench) -> None:
    body = {"name": "test", "queue": bench.queue, "steps": [log(f"s{n}") for n in range(7)]}
    spec = effective(JobSpec.model_validate_json(json.dumps(body)))
    start = JobStart(spec=spec, tenant="default", limits=JobLimits(in_flight=3))
    handle: Handle = await bench.client.start_workflow(
        JOB_WORKFLOW, start, id=f"default:{uuid4().hex}", task_queue=task_queue(bench.queue)
    )
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert [len(batch) for batch in await batches(handle)] == [3, 3, 1]


async def test_b12_a_long_row_of_large_outputs_completes(bench: Bench) -> None:
    steps = [compute(f"s{n}", "input") for n in range(70)]
    result = await bench.run(steps, input="x" * 20_000, output="${ size(steps.s69.output) }")
    assert (result.status, result.output) == (JobStatus.COMPLETED, 20_000)


async def test_a_state_that_is_too_large_is_told_once_and_the_job_goes_on(bench: Bench) -> None:
    steps = [compute(f"s{n}", "input") for n in range(6)]
    body = {"name": "test", "queue": bench.queue, "steps": steps, "input": "x" * 20_000, "output": 1}
    spec = effective(JobSpec.model_validate_json(json.dumps(body)))
    start = JobStart(spec=spec, tenant="default", limits=JobLimits(state_bytes=90_000))
    handle: Handle = await bench.client.start_workflow(
        JOB_WORKFLOW, start, id=f"default:{uuid4().hex}", task_queue=task_queue(bench.queue)
    )

    async def parked() -> bool:
        return bool((await handle.query("state"))["parked"])

    await bench.eventually(parked)
    job, _ = await folded(bench, handle)
    said = await bench.states(handle)
    assert {step.id: step.status.value for step in job.steps} == said
    assert StepStatus.DEAD_LETTERED in said.values()
    await handle.execute_update("discard", {"actor": "me"})
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    await folded(bench, handle)


async def test_a_workflow_task_that_fails_in_the_middle_is_done_again_as_a_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate = _MarkingInstance.activate
    broken: list[str] = []

    def break_once(self: _MarkingInstance, act: Any) -> Any:
        if any(job.HasField("resolve_activity") for job in act.jobs) and not broken:
            broken.append(act.run_id)
            raise RuntimeError("the worker lost its head")
        return activate(self, act)

    own = Bench(bench.client, f"{bench.queue}-own")
    monkeypatch.setattr(_MarkingInstance, "activate", break_once)
    async with working(own):
        handle = await own.start([log("a"), log("b"), compute("each", "item", **many([1, 2]))])
        result = await own.finish(handle)
    assert broken
    assert (result.status, result.output) == (JobStatus.COMPLETED, {"each": [1, 2]})
    history = await handle.fetch_history()
    run_id = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
    state, _ = fold.fold_run(handle.id, run_id, await read_new(own.client, handle.id, run_id))
    assert [step.attempt_count for step in state.steps.values()][:2] == [1, 1]


@asynccontextmanager
async def without_worker(client: Client) -> AsyncIterator[Bench]:
    """A bench whose worker is started later."""
    yield Bench(client, f"t{uuid4().hex[:12]}")


async def test_a_pause_before_the_first_step_holds_all_that_would_follow(bench: Bench) -> None:
    async with without_worker(bench.client) as own:
        handle = await own.start([log("a"), log("b"), log("c")])
        pause = asyncio.create_task(handle.execute_update("pause", {"actor": "me"}))
        await own.let_pass(1.0)  # until it is with the server, which tells nobody
        async with working(own):
            await asyncio.wait_for(pause, 60)
            assert await batches(handle) == []
            assert set((await own.states(handle)).values()) == {"PENDING"}
            await handle.execute_update("resume", {"actor": "me"})
            assert (await own.finish(handle)).status is JobStatus.COMPLETED
    assert await batches(handle) == [["a", "b", "c"]]


async def test_a_cancel_before_the_first_step_omits_all_that_would_follow(bench: Bench) -> None:
    async with without_worker(bench.client) as own:
        handle = await own.start([log("a"), log("b"), log("c")])
        await handle.cancel()
        async with working(own):
            assert await own.canceled(handle)
    assert await batches(handle) == []
    job, _ = await folded(own, handle)
    assert [step.status for step in job.steps] == ["OMITTED"] * 3


async def markers(handle: Handle) -> list[str]:
    names = [event.marker_recorded_event_attributes.marker_name for event in (await handle.fetch_history()).events]
    return [name for name in names if name]


async def test_a_start_that_knows_of_batches_needs_no_patch_and_neither_do_its_children(bench: Bench) -> None:
    child = {"name": "child", "queue": bench.queue, "steps": [log("x"), log("y")]}
    steps = [log("a"), log("b"), {"id": "run", "type": "JOB", "with": {"job": child}}, log("c"), log("d")]
    body = {"name": "test", "queue": bench.queue, "steps": steps}
    spec = effective(JobSpec.model_validate_json(json.dumps(body)))
    start = JobStart(spec=spec, tenant="default", local_batches=True)
    handle: Handle = await bench.client.start_workflow(
        JOB_WORKFLOW, start, id=f"default:{uuid4().hex}", task_queue=task_queue(bench.queue)
    )
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    of_child = bench.client.get_workflow_handle(f"{handle.id}~run")
    assert (await markers(handle), await markers(of_child)) == (["core_local_activity"] * 2, ["core_local_activity"])
    assert await batches(handle) == [["a", "b"], ["c", "d"]]
    assert await batches(of_child) == [["x", "y"]]
    await folded(bench, handle)


async def test_one_that_does_not_is_marked_once(bench: Bench) -> None:
    handle = await bench.start([log("a"), log("b")])
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await markers(handle) == ["core_patch", "core_local_activity"]


async def test_a_job_with_one_cheap_step_at_a_time_does_without_batches(bench: Bench) -> None:
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "1ms"}}
    handle = await bench.start([log("a"), nap, log("b")])
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await markers(handle) == ["core_local_activity"] * 2
    assert await batches(handle) == []


async def test_the_summary_in_temporal_names_the_steps(bench: Bench) -> None:
    handle = await bench.start([log("first"), log("second"), compute("each", "item", **many(list(range(50)), 50))])
    await bench.finish(handle)
    told = [
        json.loads(event.user_metadata.summary.data)
        for event in (await handle.fetch_history()).events
        if event.HasField("marker_recorded_event_attributes") and event.user_metadata.HasField("summary")
    ]
    assert told[0] == "first, second"
    assert told[1].startswith("each.0, each.1, ")
    shown = told[1].partition(" and ")[0].split(", ")
    assert told[1].endswith(f" and {len((await batches(handle))[1]) - len(shown)} more")
    assert len(told[1]) < 200
