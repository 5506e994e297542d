"""Real histories of several runs, of resets, dependents and what else is beside a plain job, read and folded."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.common import RawValue
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.reader import read_all_runs, read_new
from tests.integration.fold.conftest import FoldBench, running_fold_bench, until
from tests.integration.fold.test_real_history import ended, fail, hang, log
from tests.integration.workflow.conftest import Handle
from tests.unit.fold_event import types
from tests.unit.test_decoder import CODED


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
    runs = await bench.chain(handle)
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

    async def both_are_listed() -> bool:
        return await read_all_runs(bench.client, handle.id) == [base, new_run]

    await until(both_are_listed)  # visibility lags
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
