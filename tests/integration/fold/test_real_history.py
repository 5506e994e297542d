"""Real jobs on a real server: read, decoded, folded; every row compared with the raw event it cites (D1)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest, TerminateWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError
from temporalio.common import RawValue
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.reader import read_all_runs, read_new
from tests.integration.fold.conftest import FoldBench, running_fold_bench, until
from tests.integration.workflow.conftest import Handle
from tests.unit.fold_event import types
from tests.unit.test_decoder import CODED

QUICK = {"maximum_attempts": 3, "initial_interval": "20ms", "jitter": 0}
ONCE = {"maximum_attempts": 1}


def log(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "LOG", "with": {"message": id_}, **fields}


def fail(id_: str, times: int | None = None, **fields: Any) -> dict[str, Any]:
    params = {"message": "no", "class": "TRANSIENT"} | ({"times": times} if times else {})
    return {"id": id_, "type": "FAIL", "with": params, "retry": QUICK, **fields}


def hang(id_: str, type_: str = "HANG", **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": type_, "heartbeat_timeout": "1s", "retry": ONCE, **fields}


async def ended(handle: Handle) -> None:
    try:
        await handle.result()
    except WorkflowFailureError:
        return


async def reset(bench: FoldBench, handle: Handle, run_id: str, task_completed: int) -> str:
    """Reset a run to before that workflow task completed; the new run's id."""
    request = ResetWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=run_id),
        reason="again",
        workflow_task_finish_event_id=task_completed,
        request_id=uuid4().hex,
    )
    return (await bench.client.workflow_service.reset_workflow_execution(request)).run_id


def outcomes(attempts: Any) -> list[tuple[int, int, AttemptOutcome | None]]:
    return [(attempt.round, attempt.attempt, attempt.outcome) for attempt in attempts]


async def test_d1_a_job_of_every_kind_of_step(bench: FoldBench) -> None:
    steps = [
        log("hello"),
        log("never", when="${ false }"),
        {"id": "nap", "type": "SLEEP", "with": {"duration": "100ms"}},
        fail("flaky", 2),
        {"id": "sum", "type": "COMPUTE", "with": {"expression": "input.n + 1"}},
    ]
    handle = await bench.start(steps, input={"n": 41}, labels={"team": "x"})
    result = await bench.finish(handle)
    job, journal = await bench.fold(handle)
    assert (job.status, job.output) == (JobStatus.COMPLETED, result.output)
    assert {step.id: step.status for step in job.steps} == {
        "hello": StepStatus.COMPLETED,
        "never": StepStatus.SKIPPED,
        "nap": StepStatus.COMPLETED,
        "flaky": StepStatus.COMPLETED,
        "sum": StepStatus.COMPLETED,
    }
    assert (job.steps[4].output, job.attempts, job.retry_count) == (42, 5, 2)
    assert types(journal)[0] == "JOB_SUBMITTED"
    assert types(journal)[-1] == "JOB_COMPLETED"
    assert job.queue_wait_ms is not None
    assert job.execution_ms is not None
    assert job.execution_ms >= 100


async def test_reading_piece_by_piece_gives_what_reading_at_once_gives(bench: FoldBench) -> None:
    steps = [*(log(f"s{n}") for n in range(8)), fail("flaky", 2), *(log(f"t{n}") for n in range(4))]
    handle = await bench.start(steps)
    run_id = await bench.run_id(handle)
    state = fold.start(handle.id, run_id)
    rows = []

    async def look() -> bool:
        for event in await read_new(bench.client, handle.id, run_id, state.last_event_id):
            rows.extend(fold.apply(state, event))
        return state.ended

    await until(look)
    job, journal = await bench.fold(handle)
    assert (rows, fold.record(state)) == (journal, job)


async def test_c1_parked_and_brought_home_by_a_signal_from_outside(bench: FoldBench) -> None:
    handle = await bench.start([log("before"), fail("pay", 3), log("after")])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    job, _ = await bench.fold(handle)
    assert job.error is not None
    assert (job.status, job.error_step, job.error.code) == (JobStatus.DEAD_LETTERED, "pay", "STEP.FAILED")
    await handle.signal("gibberish", 1)
    await handle.signal("retry")
    await bench.finish(handle)
    job, journal = await bench.fold(handle)
    assert (job.status, job.error) == (JobStatus.COMPLETED, None)
    assert outcomes(job.steps[1].attempts) == [
        (1, 1, "FAILED"), (1, 2, "FAILED"), (1, 3, "FAILED"), (2, 1, "COMPLETED"),
    ]  # fmt: skip
    told = {row.type.value: row for row in journal}
    assert told["JOB_RETRY_REQUESTED"].actor == told["JOB_COMMAND_REFUSED"].actor == "bench"
    assert job.note_count == 4


async def test_a_retry_by_update_names_its_actor(bench: FoldBench) -> None:
    handle = await bench.start([fail("pay", 3)])
    await bench.until(handle, "pay", "DEAD_LETTERED")
    await handle.execute_update("retry", {"actor": "key:ops", "reason": "partner is back"})
    await bench.finish(handle)
    _, journal = await bench.fold(handle)
    (row,) = [row for row in journal if row.type == "JOB_RETRY_REQUESTED"]
    assert (row.actor, row.data["reason"], row.data["rounds"]) == ("key:ops", "partner is back", {"pay": 2})


async def test_without_dead_letter_the_job_fails_and_says_what_never_ran(bench: FoldBench) -> None:
    handle = await bench.start([fail("pay"), log("after")], dead_letter={"enabled": False})
    await ended(handle)
    job, _ = await bench.fold(handle)
    assert (job.status, [step.status for step in job.steps]) == (
        JobStatus.FAILED, [StepStatus.FAILED, StepStatus.OMITTED],
    )  # fmt: skip


async def test_an_attempt_that_took_too_long(bench: FoldBench) -> None:
    handle = await bench.start([hang("slow", timeout="300ms", retry=QUICK)])
    await bench.until(handle, "slow", "DEAD_LETTERED")
    job, _ = await bench.fold(handle)
    assert outcomes(job.steps[0].attempts) == [(1, n, "TIMED_OUT") for n in (1, 2, 3)]
    assert job.error is not None
    assert job.error.code == "STEP.TIMEOUT"
    await handle.terminate()


async def test_a_worker_that_is_never_heard_of(bench: FoldBench) -> None:
    handle = await bench.start([hang("gone", "MUTE", retry=QUICK)])
    await bench.until(handle, "gone", "DEAD_LETTERED")
    job, journal = await bench.fold(handle)
    assert outcomes(job.steps[0].attempts) == [(1, n, "LOST") for n in (1, 2, 3)]
    assert {row.data["error"]["code"] for row in journal if row.type == "STEP_ATTEMPT_FAILED"} == {"WORKER.LOST"}
    assert (job.attempts, job.retry_count) == (3, 2)
    await handle.terminate()


async def test_a_total_timeout(bench: FoldBench) -> None:
    handle = await bench.start([hang("slow", "MUTE", total_timeout="1s", heartbeat_timeout="5s")])
    await bench.until(handle, "slow", "DEAD_LETTERED")
    job, _ = await bench.fold(handle)
    assert job.error is not None
    assert job.error.code == "STEP.TOTAL_TIMEOUT"
    assert job.attempts == 1
    await handle.terminate()


async def test_a_cancel_while_a_step_runs_keeps_its_attempt(bench: FoldBench) -> None:
    handle = await bench.start([hang("runs"), log("after")])

    async def runs() -> bool:
        return any(seen.attempts for seen in await bench.observe(handle))

    await until(runs)
    await handle.execute_update("cancel", {"actor": "key:ops", "reason": "enough"})
    await ended(handle)
    job, journal = await bench.fold(handle)
    assert (job.status, job.status_reason) == (JobStatus.CANCELED, "canceled by key:ops: enough")
    assert [step.status for step in job.steps] == [StepStatus.CANCELED, StepStatus.OMITTED]
    assert outcomes(job.steps[0].attempts) == [(1, 1, "CANCELED")]
    assert job.steps[0].attempts[0].worker == "w1"
    assert [row.type for row in journal if row.actor == "key:ops"] == ["JOB_CANCEL_REQUESTED"]


async def test_a_terminate_from_outside(bench: FoldBench) -> None:
    handle = await bench.start([hang("runs"), log("after")])
    await bench.until(handle, "runs", "RUNNING")
    await bench.client.workflow_service.terminate_workflow_execution(
        TerminateWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="stuck",
            identity="temporal-cli:me",
        )
    )
    job, _ = await bench.fold(handle)
    assert (job.status, job.status_reason) == (JobStatus.TERMINATED, "terminated by temporal-cli:me: stuck")
    assert [step.status for step in job.steps] == [StepStatus.CANCELED, StepStatus.OMITTED]


async def test_what_is_no_job_is_shown_all_the_same(bench: FoldBench) -> None:
    handle: Handle = await bench.client.start_workflow(
        "Job", [1, "x"], id="somebody's", task_queue=f"perdure-{bench.queue}"
    )
    await ended(handle)
    job, _ = await bench.fold(handle)
    assert job.error is not None
    assert (job.status, job.error.code, job.name) == (JobStatus.FAILED, "ENGINE.SPEC_INVALID", "somebody's")
    assert await read_all_runs(bench.client, handle.id) == [job.run_id]


async def test_b7_a_job_that_continues_as_new_is_one_chain_with_its_sleep_told_once(
    short_history_bench: FoldBench,
) -> None:
    bench = short_history_bench
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "2s"}, "depends_on": []}
    once = {
        "type": "FAIL",
        "with": {"message": "no", "class": "TRANSIENT", "times": 1},
        "retry": {"initial_interval": "1ms"},
    }
    chain = [{"id": f"s{n}", **once, "depends_on": [f"s{n - 1}"] if n else []} for n in range(16)]
    handle = await bench.start([nap, *chain])
    await bench.finish(handle)
    runs = await read_all_runs(bench.client, handle.id)
    assert len(runs) > 2
    folded = [await bench.fold(handle, run_id) for run_id in runs]
    last = folded[-1][0]
    assert (last.status, last.attempts) == (JobStatus.COMPLETED, 32)
    # The workflow's clock rounds to microseconds, the event's time is cut.
    starts = [record.started_at.timestamp() for record, _ in folded if record.started_at]
    assert starts == pytest.approx([starts[0]] * len(runs), abs=2e-6)
    rows = [row for _, journal in folded for row in journal]
    told = types(rows)
    assert (told.count("JOB_SUBMITTED"), told.count("JOB_STARTED"), told.count("JOB_COMPLETED")) == (1, 1, 1)
    assert told.count("JOB_CONTINUED") == len(runs) - 1
    assert [row.type for row in rows if row.step_id == "nap"] == ["STEP_WAITING", "STEP_COMPLETED"]
    # One order for all: by run, event, ordinal.
    keys = [(row.run_started_at, row.run_id, row.event_id, row.ordinal) for row in rows]
    assert keys == sorted(keys)


async def test_a_reset_run_tells_the_reset_and_what_came_after(bench: FoldBench) -> None:
    handle = await bench.start([fail("a", 1), fail("b", 1), log("c")])
    await bench.finish(handle)
    base = await bench.run_id(handle)
    _, first = await bench.fold(handle, base)
    (done,) = [row for row in first if row.type == "STEP_COMPLETED" and row.step_id == "a"]
    # The workflow task after step a: scheduled, started, completed.
    new_run = await reset(bench, handle, base, done.event_id + 3)
    again: Handle = bench.client.get_workflow_handle(handle.id, run_id=new_run)
    await ended(again)
    assert await read_all_runs(bench.client, handle.id) == [base, new_run]
    job, journal = await bench.fold(handle, new_run)
    assert (job.status, job.steps[0].status) == (JobStatus.COMPLETED, StepStatus.COMPLETED)
    assert types(journal)[0] == "JOB_RESET"
    assert journal[0].data["base_run_id"] == base
    assert "a" not in {row.step_id for row in journal}
    assert journal[0].run_started_at > first[-1].at
    assert job.created_at == (await bench.fold(handle, base))[0].created_at


async def test_a_reset_while_a_step_runs_starts_that_step_again(bench: FoldBench) -> None:
    handle = await bench.start([hang("runs", depends_on=[]), fail("b", 1, depends_on=[]), log("c", depends_on=["b"])])
    await bench.until(handle, "c", "COMPLETED")
    _, first = await bench.fold(handle)
    (done,) = [row for row in first if row.type == "STEP_COMPLETED" and row.step_id == "b"]
    base = await bench.run_id(handle)
    new_run = await reset(bench, handle, base, done.event_id + 3)
    again: Handle = bench.client.get_workflow_handle(handle.id, run_id=new_run)
    await bench.until(again, "c", "COMPLETED")
    job, journal = await bench.fold(handle, new_run)
    assert [step.status for step in job.steps] == [StepStatus.RUNNING, StepStatus.COMPLETED, StepStatus.COMPLETED]
    assert [row.step_id for row in journal if row.type == "STEP_COMPLETED"] == ["c"]
    old, told = await bench.fold(handle, base)
    assert (old.status, told[-1].actor) == (JobStatus.TERMINATED, "history-resetter")
    await again.terminate()


async def test_a_dependent_is_told_by_its_parent_and_knows_it(bench: FoldBench) -> None:
    child = {"name": "mail", "queue": bench.queue, "steps": [log("send")]}
    handle = await bench.start([log("a")], dependents=[{"name": "mail", "job": child}])
    await bench.finish(handle)
    _, journal = await bench.fold(handle)
    (row,) = [row for row in journal if row.type == "CHILD_STARTED"]
    assert row.data["child"] == f"{handle.id}~~mail"
    mail: Handle = bench.client.get_workflow_handle(row.data["child"])
    await ended(mail)
    job, told = await bench.fold(mail)
    assert (job.parent_id, job.status) == (handle.id, JobStatus.COMPLETED)
    assert {row.parent_job_id for row in told} == {handle.id}


@workflow.defn(name="Job", sandboxed=False)
class Stuck:
    """A workflow whose task fails until it is told to go on."""

    go = False

    @workflow.run
    async def run(self, _start: Any) -> None:
        if not Stuck.go:
            raise RuntimeError("not yet")

    @workflow.signal(dynamic=True)
    def on_signal(self, name: str, _args: Sequence[RawValue]) -> None:
        Stuck.go = name == "go"


async def test_events_of_an_uncommitted_workflow_task_are_not_taken_for_history(bench: FoldBench) -> None:
    """Their ids are given again to what comes next: a fold that took them would miss it."""
    client, queue = bench.client, f"stuck-{bench.queue}"
    async with Worker(client, task_queue=queue, workflows=[Stuck], workflow_runner=UnsandboxedWorkflowRunner()):
        handle: Handle = await client.start_workflow(
            "Job", None, id=f"default:{queue}", task_queue=queue, task_timeout=timedelta(seconds=1)
        )
        run_id = await bench.run_id(handle)
        state = fold.start(handle.id, run_id)
        rows = []

        async def look() -> bool:
            for event in await read_new(client, handle.id, run_id, state.last_event_id):
                rows.extend(fold.apply(state, event))
            return state.problem is not None

        async def uncommitted() -> bool:
            return len((await bench.raw(handle.id, run_id)).events) > state.last_event_id

        await until(look)
        await until(uncommitted)
        assert not await read_new(client, handle.id, run_id, state.last_event_id)
        reason = fold.record(state).status_reason
        assert reason is not None
        assert reason.endswith("WORKFLOW_WORKER_UNHANDLED_FAILURE: not yet")
        await handle.signal("go")
        await handle.result()
        await look()
    whole, journal = fold.fold_run(handle.id, run_id, await read_new(client, handle.id, run_id))
    assert (rows, state) == (journal, whole)
    assert types(rows) == ["JOB_SUBMITTED", "JOB_STARTED", "JOB_COMPLETED"]


async def test_with_a_codec_everything_is_read_and_without_it_nothing_breaks(
    bench: FoldBench, temporal_address: str
) -> None:
    async with running_fold_bench(temporal_address, data_converter=CODED) as coded:
        handle = await coded.start([fail("flaky", 1), {"id": "nap", "type": "SLEEP", "with": {"duration": "10ms"}}])
        await coded.finish(handle)
        run_id = await coded.run_id(handle)
        state, _ = fold.fold_run(handle.id, run_id, await read_new(coded.client, handle.id, run_id))
        job = fold.record(state)
        assert (job.status, job.attempts, job.steps[1].status) == (JobStatus.COMPLETED, 2, StepStatus.COMPLETED)
    events = await read_new(bench.client, handle.id, run_id)
    blind = fold.record(fold.fold_run(handle.id, run_id, events)[0])
    assert (blind.status, blind.steps[0].id) == (JobStatus.COMPLETED, "flaky")
