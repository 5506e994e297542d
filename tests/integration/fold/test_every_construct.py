"""Every construct on a real server: the fold says what the workflow says, every row what its event says (D1)."""

from typing import Any

from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.live import overlay
from perdure.projection.reader import read_new
from perdure.projection.record import JobRecord, JournalEvent
from tests.integration.fold.conftest import FoldBench, until
from tests.integration.fold.test_real_history import ended, fail, log
from tests.integration.workflow.conftest import Handle
from tests.unit.fold_event import types

UNDO = {"type": "LOG", "with": {"message": "undo"}}


def each(items: list[Any], **fields: Any) -> dict[str, Any]:
    step = {"id": "each", "type": "COMPUTE", "with": {"expression": "10 / item"}, "retry": {"maximum_attempts": 1}}
    return {**step, "for_each": {"items": items}, **fields}


async def told(bench: FoldBench, handle: Handle) -> tuple[JobRecord, list[JournalEvent]]:
    """The job as folded, which is where its workflow says its steps are."""

    async def same() -> tuple[JobRecord, list[JournalEvent]] | None:
        job, journal = await bench.fold(handle)
        said = await bench.states(handle)
        return (job, journal) if {step.id: step.status.value for step in job.steps} == said else None

    found: tuple[JobRecord, list[JournalEvent]] = await until(same)
    return found


async def reached(bench: FoldBench, handle: Handle, status: JobStatus) -> JobRecord:
    async def there() -> JobRecord | None:
        job, _ = await bench.fold(handle)
        return job if job.status is status else None

    found: JobRecord = await until(there)
    return found


async def test_d1_a_fan_out_with_a_parked_a_retried_and_a_skipped_item(bench: FoldBench) -> None:
    handle = await bench.start([each([1, 0, 5, 0]), log("after")])
    job = await reached(bench, handle, JobStatus.DEAD_LETTERED)
    job = await until(lambda: _parked(bench, handle, 2))
    assert job.status_reason is not None
    assert job.status_reason.startswith("2 of 4 items of step each are parked: ENGINE.EXPRESSION")
    await handle.execute_update("skip", {"step": "each.1", "output": "by hand", "actor": "key:ops"})
    await handle.execute_update("retry", {"patch": {"each": {"expression": "7"}}, "actor": "key:ops"})
    await bench.finish(handle)
    job, journal = await told(bench, handle)
    assert job.steps[0].output == [10, "by hand", 2, 7]
    assert job.steps[0].items is not None
    assert job.steps[0].items.counts == {StepStatus.COMPLETED: 3, StepStatus.SKIPPED: 1}
    overridden = next(row for row in journal if row.type == "STEP_OVERRIDDEN")
    assert (overridden.step_id, overridden.data["item"], overridden.actor) == ("each", 1, "key:ops")


async def _parked(bench: FoldBench, handle: Handle, count: int) -> JobRecord | None:
    job, _ = await bench.fold(handle)
    items = job.steps[0].items
    return job if items and items.counts.get(StepStatus.DEAD_LETTERED) == count else None


async def test_d1_caught_and_tolerated_failures(bench: FoldBench) -> None:
    steps = [fail("a", catch=[{"output": "plan b"}]), fail("b", continue_on_error=True), log("c")]
    handle = await bench.start(steps)
    await ended(handle)
    job, journal = await told(bench, handle)
    assert (job.status, job.error_step, job.steps[0].output) == (JobStatus.COMPLETED_WITH_ERRORS, "b", "plan b")
    assert {"STEP_CAUGHT", "STEP_FAILED"} <= set(types(journal))


async def test_d1_waits_and_approvals(bench: FoldBench) -> None:
    ask = {"id": "ask", "type": "APPROVAL", "with": {"required_approvals": 2}}
    handle = await bench.start([{"id": "hold", "type": "WAIT", "with": {"name": "go", "timeout": "1h"}}, ask])
    await bench.until(handle, "hold", "WAITING")
    job, _ = await told(bench, handle)
    assert job.steps[0].waiting_for is not None
    assert (job.steps[0].waiting_for.name, job.status) == ("go", JobStatus.WAITING)
    await handle.execute_update("deliver", {"name": "go", "payload": {"n": 1}, "actor": "key:ops"})
    await bench.until(handle, "ask", "WAITING")
    await handle.execute_update("approve", {"actor": "ann", "decision": "approve"})
    job, _ = await told(bench, handle)
    assert job.status_reason == "waiting for approval of step ask (1 of 2)"
    await handle.execute_update("approve", {"actor": "bob", "decision": "approve"})
    await bench.finish(handle)
    job, journal = await told(bench, handle)
    assert (job.steps[0].output, job.steps[1].output["approved"]) == ({"n": 1}, True)
    assert [row.actor for row in journal if row.type == "STEP_DELIVERED"] == ["key:ops", "ann", "bob"]


async def test_d1_compensations_of_a_discarded_job_one_of_which_parks(bench: FoldBench) -> None:
    once = {"type": "FAIL", "with": {"times": 1, "message": "no"}, "retry": {"maximum_attempts": 1}}
    handle = await bench.start([each([1, 2], compensate=UNDO), log("pay", compensate=once), fail("bad")])
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("discard", {"actor": "key:ops", "reason": "no"})
    job = await reached(bench, handle, JobStatus.DEAD_LETTERED)
    assert job.status_reason == "the compensation of step pay is parked: STEP.FAILED: no"
    await handle.execute_update("retry", {"actor": "key:ops"})
    await ended(handle)
    job, journal = await told(bench, handle)
    assert [step.status.value for step in job.steps] == ["COMPENSATED", "COMPENSATED", "FAILED"]
    undone = [(row.step_id, row.data.get("item")) for row in journal if row.type == "STEP_COMPENSATED"]
    assert undone[0] == ("pay", None)
    assert sorted(undone[1:]) == [("each", 0), ("each", 1)]


async def test_d1_a_planned_start_a_pause_and_a_retry_from_a_step(bench: FoldBench) -> None:
    handle = await bench.start([log("a"), each([1, 2]), fail("bad", 3)], delay="5s")
    job = await reached(bench, handle, JobStatus.SCHEDULED)
    assert job.started_at is None
    await handle.execute_update("pause", {"actor": "key:ops", "reason": "wait"})
    job = await reached(bench, handle, JobStatus.PAUSED)
    assert job.status_reason == "paused by key:ops: wait"
    await handle.execute_update("resume", {"actor": "key:ops"})
    await bench.until(handle, "bad", "DEAD_LETTERED")
    await handle.execute_update("retry", {"from_step": "each", "actor": "key:ops"})
    await bench.finish(handle)
    job, journal = await told(bench, handle)
    assert [(step.round, step.status.value) for step in job.steps] == [
        (1, "COMPLETED"), (2, "COMPLETED"), (2, "COMPLETED"),
    ]  # fmt: skip
    assert (job.steps[1].output, types(journal).count("JOB_STARTED")) == ([10, 5], 1)
    assert job.queue_wait_ms is not None


async def test_d1_child_jobs_by_step_and_by_item(bench: FoldBench) -> None:
    child = {"name": "child", "queue": bench.queue, "input": "${ item }"}
    compute = [{"id": "x", "type": "COMPUTE", "with": {"expression": "input * 2"}}]
    job_step = {
        "id": "run",
        "type": "JOB",
        "with": {"job": {**child, "steps": compute, "output": "${ steps.x.output }"}},
    }
    handle = await bench.start([{**job_step, "for_each": {"items": [1, 2]}}])
    await bench.finish(handle)
    job, journal = await told(bench, handle)
    assert job.steps[0].output == [2, 4]
    started = {row.data["child"] for row in journal if row.type == "CHILD_STARTED"}
    assert started == {f"{handle.id}~run.{index}" for index in (0, 1)}


async def test_an_item_between_attempts_makes_its_step_and_its_job_retrying(bench: FoldBench) -> None:
    slow = {"maximum_attempts": 3, "initial_interval": "60s", "jitter": 0}
    handle = await bench.start([fail("each", for_each={"items": [1, 2]}, retry=slow)])

    async def retrying() -> JobRecord | None:
        seen = await bench.observe(handle)
        waiting = [one for one in seen if one.next_retry_at is not None]
        if len(waiting) < 2:
            return None
        # Read after what was observed: a history read before may know nothing of it yet.
        job, _ = await bench.fold(handle)
        return overlay(job, seen)

    shown: JobRecord = await until(retrying)
    assert (shown.status, shown.steps[0].status, shown.steps[0].attempt_count) == (
        JobStatus.RETRYING, StepStatus.RETRYING, 2,
    )  # fmt: skip
    assert shown.status_reason is not None
    assert "of step each failed once, next attempt at" in shown.status_reason
    assert "(and 1 more are retried)" in shown.status_reason
    await handle.terminate()


async def test_b7_items_over_continue_as_new_are_each_told_once(short_history_bench: FoldBench) -> None:
    bench = short_history_bench
    handle = await bench.start([fail("each", 1, for_each={"items": list(range(40)), "max_parallel": 4})])
    await bench.finish(handle)
    rows: list[JournalEvent] = []
    changed: set[int] = set()
    for run_id in await bench.chain(handle):
        state, journal = fold.fold_run(handle.id, run_id, await read_new(bench.client, handle.id, run_id))
        rows += journal
        changed |= {item.index for item in fold.all_items(state)}
        assert (await bench.fold(handle, run_id))[1] == journal
    job = fold.record(state)
    assert (job.status, job.attempts, job.retry_count) == (JobStatus.COMPLETED, 80, 40)
    completed = [row.data.get("item") for row in rows if row.type == "STEP_COMPLETED"]
    assert sorted(index for index in completed if index is not None) == list(range(40))
    assert changed == set(range(40))
