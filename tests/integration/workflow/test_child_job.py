"""`JOB` steps at the level of the workflow: ids, outputs, failures, what becomes of a child with its parent."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.projection import fold
from perdure.projection.decoder import decode_events
from tests.integration.workflow.conftest import Bench, Handle
from tests.server.partner import Partner


def child(bench: Bench, steps: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    job = {"name": "child", "queue": bench.queue, "steps": steps, **fields.pop("job", {})}
    return {"id": "run", "type": "JOB", "with": {"job": job, **fields.pop("with", {})}, **fields}


def compute(expression: str) -> dict[str, Any]:
    return {"id": "calc", "type": "COMPUTE", "with": {"expression": expression}}


async def described(bench: Bench, id_: str) -> WorkflowExecutionStatus | None:
    return (await bench.client.get_workflow_handle(id_).describe()).status


async def test_b6_a_child_job_gets_its_input_from_the_parent_and_its_output_is_the_steps(bench: Bench) -> None:
    step = child(
        bench, [compute("input.n + 1")], job={"input": {"n": "${ input.n }"}, "output": "${ steps.calc.output }"}
    )
    handle = await bench.start([step], input={"n": 41})
    assert (await bench.finish(handle)).output == {"run": 42}
    assert await described(bench, f"{handle.id}~run") is WorkflowExecutionStatus.COMPLETED


async def test_b6_each_item_has_a_child_of_its_own_with_the_documented_id(bench: Bench) -> None:
    step = child(
        bench,
        [compute("input")],
        job={"input": "${ item }", "output": "${ steps.calc.output }"},
        for_each={"items": ["a", "b"]},
    )
    handle = await bench.start([step])
    assert (await bench.finish(handle)).output == {"run": ["a", "b"]}
    assert await described(bench, f"{handle.id}~run.1") is WorkflowExecutionStatus.COMPLETED


async def test_without_wait_the_parent_goes_on_and_the_child_outlives_it(bench: Bench) -> None:
    step = child(bench, [{"id": "hold", "type": "WAIT", "with": {"name": "go"}}], **{"with": {"wait": False}})
    handle = await bench.start([step])
    id_ = f"{handle.id}~run"
    assert (await bench.finish(handle)).output == {"run": {"job_id": id_}}
    assert await described(bench, id_) is WorkflowExecutionStatus.RUNNING
    inner: Handle = bench.client.get_workflow_handle(id_)
    await inner.signal("deliver", {"name": "go"})
    assert (await bench.finish(inner)).status is JobStatus.COMPLETED


async def test_a_child_that_fails_parks_the_step_and_a_retry_starts_another_one(bench: Bench, partner: Partner) -> None:
    partner.answers["/child"] = [404, 200]
    call = {"id": "call", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/child"}}
    step = child(bench, [call], job={"dead_letter": {"enabled": False}})
    handle = await bench.start([step])
    await bench.until(handle, "run", "DEAD_LETTERED")
    await handle.signal("retry")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED
    assert await described(bench, f"{handle.id}~run") is WorkflowExecutionStatus.FAILED
    assert await described(bench, f"{handle.id}~run.r2") is WorkflowExecutionStatus.COMPLETED


async def test_the_failure_names_the_child_and_its_code(bench: Bench) -> None:
    bad = {"id": "bad", "type": "FAIL", "with": {"code": "MY.CODE"}}
    step = child(bench, [bad], job={"dead_letter": {"enabled": False}})
    handle = await bench.start([step], dead_letter={"enabled": False})
    error = (await bench.finish(handle)).error
    assert error is not None
    assert (error.code, error.details) == ("STEP.JOB.FAILED", {"child": f"{handle.id}~run", "code": "MY.CODE"})


async def test_c4_a_parent_of_a_parked_child_waits_and_completes_after_the_childs_retry(
    bench: Bench, partner: Partner
) -> None:
    partner.answers["/child"] = [404, 200]
    call = {"id": "call", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/child"}}
    handle = await bench.start([child(bench, [call])])
    inner: Handle = bench.client.get_workflow_handle(f"{handle.id}~run")
    await bench.until_started(inner)
    await bench.until(inner, "call", "DEAD_LETTERED")
    assert (await bench.states(handle))["run"] == "RUNNING"
    await inner.signal("retry")
    assert (await bench.finish(handle)).status is JobStatus.COMPLETED


async def test_a_waited_child_is_canceled_with_its_parent(bench: Bench) -> None:
    step = child(bench, [{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
    handle = await bench.start([step])
    inner: Handle = bench.client.get_workflow_handle(f"{handle.id}~run")
    await bench.until_started(inner)
    await bench.until(inner, "nap", "WAITING")
    await handle.cancel()
    assert await bench.canceled(handle)
    assert await described(bench, inner.id) is WorkflowExecutionStatus.CANCELED


async def test_a_terminated_child_fails_the_step_with_a_code_of_its_own(bench: Bench) -> None:
    step = child(bench, [{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])
    handle = await bench.start([step], dead_letter={"enabled": False})
    inner: Handle = bench.client.get_workflow_handle(f"{handle.id}~run")
    await bench.until_started(inner)
    await inner.terminate("enough")
    error = (await bench.finish(handle)).error
    assert error is not None
    assert error.code == "STEP.JOB.TERMINATED"


async def test_labels_correlation_and_tenant_are_inherited(bench: Bench) -> None:
    step = child(bench, [compute("job.labels.team + job.correlation_id")], job={"output": "${ steps.calc.output }"})
    result = await bench.run([step], labels={"team": "a"}, correlation_id="c")
    assert result.output == {"run": "ac"}


@pytest.mark.parametrize("end", ["cancel", "terminate"])
async def test_a_child_that_ends_with_its_parent_says_so(bench: Bench, end: str) -> None:
    handle = await bench.start([child(bench, [{"id": "nap", "type": "SLEEP", "with": {"duration": "1h"}}])])
    inner = bench.client.get_workflow_handle(f"{handle.id}~run")
    await bench.until_started(inner)
    await bench.until(inner, "nap", "WAITING")
    await getattr(handle, end)()
    assert await bench.canceled(inner)
    history = await inner.fetch_history()
    run_id = history.events[0].workflow_execution_started_event_attributes.original_execution_run_id
    events = await decode_events(pydantic_data_converter, history.events)
    state, rows = fold.fold_run(inner.id, run_id, events)
    asked = [row for row in rows if row.type is JournalType.JOB_CANCEL_REQUESTED]
    assert [(row.actor, row.data) for row in asked] == [(None, {"reason": f"its parent {handle.id} ended"})]
    assert fold.record(state).status_reason == f"canceled: its parent {handle.id} ended"
