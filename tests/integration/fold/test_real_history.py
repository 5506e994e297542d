"""Real jobs on a real server: read, decoded, folded; every row compared with the raw event it cites (D1)."""

from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import TerminateWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError

from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.reader import read_all_runs, read_new
from tests.integration.fold.conftest import FoldBench, until
from tests.integration.workflow.conftest import Handle
from tests.unit.fold_event import types

QUICK = {"maximum_attempts": 3, "initial_interval": "20ms", "jitter": 0}
ONCE = {"maximum_attempts": 1}


def log(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "LOG", "with": {"message": id_}, **fields}


def fail(id_: str, times: int | None = None, **fields: Any) -> dict[str, Any]:
    params = {"message": "no", "class": "TRANSIENT"} | ({"times": times} if times else {})
    return {"id": id_, "type": "FAIL", "with": params, "retry": QUICK, **fields}


def hang(id_: str, type_: str = "HANG", **fields: Any) -> dict[str, Any]:
    # Long enough for a machine that is held up, where the attempt tells of itself.
    return {"id": id_, "type": type_, "heartbeat_timeout": "1s" if type_ == "MUTE" else "3s", "retry": ONCE, **fields}


async def ended(handle: Handle) -> None:
    try:
        await handle.result()
    except WorkflowFailureError:
        return


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
