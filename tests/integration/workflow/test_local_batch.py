"""Cheap steps in a row, side by side and in fan-outs are made in batches, and end as if each had been alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

import activities.local
from perdure.contract.execution import JobStart
from perdure.contract.limit import JobLimits
from perdure.contract.name import ACTIVITY_LOCAL, JOB_WORKFLOW, task_queue
from perdure.contract.spec import JobSpec, effective
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.reader import read_new
from perdure.projection.record import JobRecord, JournalEvent
from tests.integration.workflow.conftest import Bench, Handle
from tests.integration.workflow.history_check import check_no_task_failed
from tests.integration.workflow.working import working
from tests.unit.fold_check import check_journal
from worker.marking_runner import _MarkingInstance
from workflows.job.workflow import Job

ONCE = {"maximum_attempts": 1}
UNTIL_THERE = {"maximum_attempts": 500, "initial_interval": "150ms", "maximum_interval": "150ms", "jitter": 0}


def log(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "LOG", "with": {"message": id_}, **fields}


def compute(id_: str, expression: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "COMPUTE", "with": {"expression": expression}, **fields}


def row(count: int) -> dict[str, Any]:
    return log("row", **many(list(range(count)), 3))


def many(items: Any, at_once: int = 10) -> dict[str, Any]:
    return {"for_each": {"items": items, "max_parallel": at_once}}


def tries_of(event: HistoryEvent) -> list[tuple[str, bool]]:
    """The tries that the marker of a batch tells of, and whether each failed; of any other event none."""
    details = event.marker_recorded_event_attributes.details
    about = json.loads(details["data"].payloads[0].data) if "data" in details else {}
    if about.get("activity_type") != ACTIVITY_LOCAL or "result" not in details:
        return []
    made = json.loads(details["result"].payloads[0].data)["tries"]
    return [(each["id"], each["record"]["error"] is not None) for each in made]


async def batches(handle: Handle) -> list[list[str]]:
    """The tries of each batch whose marker is in the history."""
    told = [tries_of(event) for event in (await handle.fetch_history()).events]
    return [[id_ for id_, _ in tries] for tries in told if tries]


async def folded(bench: Bench, handle: Handle) -> tuple[JobRecord, list[JournalEvent]]:
    """The job as folded; what every row says was checked against the history, which also replays."""
    history = await handle.fetch_history()
    check_no_task_failed(history)
    replayer = Replayer(
        workflows=[Job], data_converter=pydantic_data_converter, workflow_runner=UnsandboxedWorkflowRunner()
    )
    await replayer.replay_workflow(history)
    run_id = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
    state, journal = fold.fold_run(handle.id, run_id, await read_new(bench.client, handle.id, run_id))
    check_journal(history.events, journal)
    return fold.record(state), journal


async def test_steps_in_a_row_are_made_in_one_batch_and_told_in_order(bench: Bench) -> None:
    handle = await bench.start([log("a"), compute("b", "1 + 1"), log("c")], output="${ steps.b.output }")
    assert (await bench.finish(handle)).output == 2
    assert await batches(handle) == [["a", "b", "c"]]
    job, journal = await folded(bench, handle)
    assert [(row.step_id, row.type.value) for row in journal if row.step_id] == [
        (step, kind) for step in "abc" for kind in ("STEP_SCHEDULED", "STEP_STARTED", "STEP_COMPLETED")
    ]
    attempts = [attempt for step in job.steps for attempt in step.attempts]
    assert [attempt.attempt for attempt in attempts] == [1, 1, 1]
    assert attempts == sorted(attempts, key=lambda attempt: (attempt.started_at, attempt.ended_at))


async def test_a_fork_and_its_join_are_made_in_one_batch(bench: Bench) -> None:
    steps = [
        log("root", depends_on=[]),
        log("left", depends_on=["root"]),
        log("right", depends_on=["root"]),
        log("join", depends_on=["left", "right"]),
        log("apart", depends_on=[]),
    ]
    handle = await bench.start(steps)
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert [sorted(batch) for batch in await batches(handle)] == [["apart", "join", "left", "right", "root"]]
    await folded(bench, handle)


async def test_a_step_that_needs_the_output_before_it_waits_for_its_turn(bench: Bench) -> None:
    steps = [
        compute("a", "20"),
        compute("b", "steps.a.output + 1"),
        compute("c", "has(steps.b.output) ? 1 : 2"),
        log("d", **{"with": {"message": "it is ${ steps.c.status }"}}),
    ]
    handle = await bench.start(steps, output=["${ steps.b.output }", "${ steps.c.output }"])
    assert (await bench.finish(handle)).output == [21, 1]
    assert await batches(handle) == [["a"], ["b"], ["c"], ["d"]]


async def test_what_an_earlier_batch_gave_may_be_used_ahead(bench: Bench) -> None:
    steps = [compute("a", "20"), {"id": "nap", "type": "SLEEP", "with": {"duration": "10ms"}}]
    handle = await bench.start([*steps, log("b"), compute("c", "steps.a.output + 1"), log("d")])
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await batches(handle) == [["a"], ["b", "c", "d"]]


async def test_conditions_and_fan_outs_have_their_turn_and_no_earlier(bench: Bench) -> None:
    steps = [
        log("a"),
        log("asked", when="${ input.go }"),
        log("not_asked", when="${ !input.go }"),
        compute("each", "item", **many("${ input.rows }")),
        compute("sum", "steps.each.output"),
    ]
    handle = await bench.start(steps, input={"go": True, "rows": [3, 4]})
    assert (await bench.finish(handle)).output == {"sum": [3, 4]}
    assert await batches(handle) == [["a"], ["asked"], ["each.0", "each.1"], ["sum"]]
    job, _ = await folded(bench, handle)
    assert [step.status for step in job.steps][:3] == ["COMPLETED", "COMPLETED", "SKIPPED"]


async def test_a_failure_in_the_middle_parks_its_step_and_nothing_after_it_ran(bench: Bench) -> None:
    handle = await bench.start([log("a"), compute("bad", "1 / 0"), log("c"), log("d")])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    assert await batches(handle) == [["a", "bad"]]
    assert (await bench.states(handle))["c"] == "PENDING"
    await handle.execute_update("retry", {"actor": "me", "patch": {"bad": {"expression": "1"}}})
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert (await batches(handle))[1:] == [["bad.r2"], ["c", "d"]] or (await batches(handle))[1:] == [
        ["bad.r2", "c", "d"]
    ]
    job, journal = await folded(bench, handle)
    assert [(row.step_id, row.type.value) for row in journal if row.type.value.startswith("STEP_")][:6] == [
        ("a", "STEP_SCHEDULED"), ("a", "STEP_STARTED"), ("a", "STEP_COMPLETED"),
        ("bad", "STEP_SCHEDULED"), ("bad", "STEP_STARTED"), ("bad", "STEP_ATTEMPT_FAILED"),
    ]  # fmt: skip
    assert [step.attempt_count for step in job.steps] == [1, 2, 1, 1]


async def test_a_failure_that_is_tolerated_or_caught_lets_the_rest_go_on(bench: Bench) -> None:
    steps = [
        compute("bad", "1 / 0", continue_on_error=True),
        log("b"),
        compute("worse", "input.nothing", catch=[{"output": "plan b"}]),
        log("d"),
    ]
    handle = await bench.start(steps, output="${ steps.worse.output }")
    result = await bench.finish(handle)
    assert (result.status, result.output) == (JobStatus.COMPLETED_WITH_ERRORS, "plan b")
    assert await batches(handle) == [["bad"], ["b", "worse"], ["d"]] or await batches(handle) == [["bad"], ["b"], ["d"]]
    await folded(bench, handle)


async def test_a_failed_job_omits_what_was_to_follow(bench: Bench) -> None:
    steps = [log("a"), compute("bad", "1 / 0"), log("c"), log("d")]
    handle = await bench.start(steps, dead_letter={"enabled": False})
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    job, _ = await folded(bench, handle)
    assert [step.status for step in job.steps] == ["COMPLETED", "FAILED", "OMITTED", "OMITTED"]


async def test_one_that_gives_too_much_runs_remotely_and_the_rest_has_its_turn_after_it(bench: Bench) -> None:
    handle = await bench.start([log("a"), compute("big", "input"), log("c"), log("d")], input="x" * 40_000, output=1)
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await batches(handle) == [["a", "big"], ["c", "d"]]
    job, _ = await folded(bench, handle)
    assert [step.attempt_count for step in job.steps] == [1, 1, 1, 1]


async def test_a_retryable_failure_goes_on_remotely_with_its_attempt_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = log("a", **{"with": {"message": "${ secrets.LOCAL_BATCH }"}}, retry=UNTIL_THERE)
    handle = await bench.start([secret, log("b"), log("c")])

    async def tried() -> bool:
        return bool(await batches(handle))

    await bench.eventually(tried)
    monkeypatch.setenv("PERDURE_SECRET_LOCAL_BATCH", "there by now")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await batches(handle) == [["a"], ["b", "c"]]
    job, _ = await folded(bench, handle)
    outcomes = [attempt.outcome for attempt in job.steps[0].attempts]
    assert (outcomes[0], outcomes[-1]) == ("FAILED", "COMPLETED")


async def test_items_are_made_in_batches_that_grow_whatever_max_parallel_is(bench: Bench) -> None:
    handle = await bench.start([compute("each", "item * 2", **many(list(range(60)), 3)), log("x"), row(150)])
    assert (await bench.finish(handle)).output == {"row": [None] * 150}
    assert [len(batch) for batch in await batches(handle)] == [40, 20, 1, 80, 70]
    job, _ = await folded(bench, handle)
    assert job.steps[0].output == [2 * n for n in range(60)]


async def test_items_are_made_in_order_and_none_after_one_that_fails_the_job(bench: Bench) -> None:
    each = compute("each", "12 / item", **many([1, 2, 0, 3, 4], 1))
    handle = await bench.start([each, log("after")], dead_letter={"enabled": False})
    assert (await bench.finish(handle)).status is JobStatus.FAILED
    assert await batches(handle) == [["each.0", "each.1", "each.2"]]
    job, _ = await folded(bench, handle)
    assert [step.status for step in job.steps] == ["FAILED", "OMITTED"]


async def test_items_that_are_parked_or_tolerated_free_their_places_in_order(bench: Bench) -> None:
    items = [1, 0, 2, 0, 3, 0, 4, 5]
    each = compute("each", "60 / item", **many(items, 2), retry=ONCE, continue_on_error=True)
    handle = await bench.start([each], output="${ steps.each.output }")
    result = await bench.finish(handle)
    assert result.output == [None if item == 0 else 60 / item for item in items]
    made = [name for batch in await batches(handle) for name in batch]
    assert sorted(made) == [f"each.{n}" for n in range(8)]
    await folded(bench, handle)


async def test_no_more_items_are_open_at_once_than_max_parallel_allows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"message": "${ item } ${ secrets.LOCAL_ITEMS }"}
    step = log("each", **{"with": params}, **many(list(range(7)), 2), retry=UNTIL_THERE)
    handle = await bench.start([step])

    async def tried() -> bool:
        return bool(await batches(handle))

    await bench.eventually(tried)
    monkeypatch.setenv("PERDURE_SECRET_LOCAL_ITEMS", "there by now")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    await folded(bench, handle)
    names: dict[int, str] = {}
    open_: set[str] = set()
    for event in (await handle.fetch_history()).events:
        names[event.event_id] = event.activity_task_scheduled_event_attributes.activity_id
        open_ |= {id_ for id_, failed in tries_of(event) if failed}
        open_.discard(names.get(event.activity_task_completed_event_attributes.scheduled_event_id, ""))
        assert len(open_) <= 2


async def test_items_that_fail_park_alone_and_are_made_again_together(bench: Bench) -> None:
    handle = await bench.start([compute("each", "12 / item", **many([1, 0, 2, 0, 3]), retry=ONCE), log("after")])

    async def parked() -> bool:
        return len((await handle.query("state"))["parked"]) == 2

    await bench.eventually(parked)
    await handle.execute_update("retry", {"actor": "me", "patch": {"each": {"expression": "item"}}})
    result = await bench.finish(handle)
    assert result.status is JobStatus.COMPLETED
    job, _ = await folded(bench, handle)
    assert job.steps[0].output == [12, 0, 6, 0, 4]
    assert ["each.1.r2", "each.3.r2"] in await batches(handle)


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
