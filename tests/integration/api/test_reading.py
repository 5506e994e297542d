"""Reading a job: the whole view; right also before, without and beside the projection."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError

from perdure.projection.live import observe
from perdure.projection.reader import describe
from perdure.projection.record import LiveObservation
from perdure.store.live import add_observations
from perdure.store.session import transaction
from tests.integration.api.stack import Api, spec, unique, until
from tests.integration.api.test_bad_input import check_problem
from tests.integration.workflow.conftest import Bench, running_bench

VIEW = {
    "id", "name", "type", "tenant", "status", "status_reason", "resolution", "queue", "priority", "labels",
    "correlation_id", "submitted_by", "parent_id", "resubmit_of", "created_at", "start_at", "started_at",
    "completed_at", "queue_wait_ms", "execution_ms", "attempts", "retry_count", "trace_id", "run_id", "input",
    "output", "error", "steps", "children", "links", "projection",
}  # fmt: skip
STEP = {
    "id", "type", "status", "round", "started_at", "completed_at", "output", "error", "attempt_count", "attempts",
    "paused", "items", "compensation", "waiting_for", "decisions",
}  # fmt: skip
ATTEMPT = {"attempt", "round", "worker", "started_at", "ended_at", "outcome", "error", "next_retry_at", "usage", "live"}
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(scope="module")
async def bench(temporal_address: str) -> AsyncIterator[Bench]:
    async with running_bench(temporal_address) as running:
        yield running


async def submit(http: httpx.AsyncClient, **fields: Any) -> str:
    answer = await http.post("/v1/jobs", json=spec(**fields))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def finished(api: Api, job_id: str) -> None:
    async with asyncio.timeout(60):
        with suppress(WorkflowFailureError):
            await api.temporal.get_workflow_handle(job_id).result()


async def test_b11_with_no_worker_a_submitted_job_is_queued_and_never_404(http: httpx.AsyncClient) -> None:
    job_id = await submit(http)
    for _ in range(3):
        answer = await http.get(f"/v1/jobs/{job_id}")
        assert (answer.status_code, answer.json()["status"]) == (200, "QUEUED")
    assert (await http.get(f"/v1/jobs/{job_id}/journal")).status_code == 200


async def test_the_view_is_the_documented_one(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    steps = [
        {"id": "a", "type": "FAIL", "with": {"times": 1, "class": "TRANSIENT"}, "retry": {"initial_interval": "10ms"}}
    ]
    job_id = await submit(http, queue=bench.queue, steps=steps, output={"done": True})
    await finished(api, job_id)
    await api.project(job_id)
    for query in ("", "?consistency=strong"):
        job = (await http.get(f"/v1/jobs/{job_id}{query}")).json()
        assert job.keys() == VIEW
        assert (job["status"], job["output"], job["retry_count"]) == ("COMPLETED", {"done": True}, 1)
        (step,) = job["steps"]
        assert step.keys() == STEP
        assert [attempt.keys() for attempt in step["attempts"]] == [ATTEMPT, ATTEMPT]
        assert [attempt["outcome"] for attempt in step["attempts"]] == ["FAILED", "COMPLETED"]
        assert step["attempts"][0]["error"]["class"] == "TRANSIENT"
        assert job["links"]["self"] == f"/v1/jobs/{job_id}"
        assert job["links"]["temporal_ui"].startswith("http://ui/namespaces/default/workflows/default%3A")
        assert job["projection"].keys() == {"event_id", "lag_ms"}
        for name in ("created_at", "started_at", "completed_at"):
            assert re.fullmatch(MOMENT, job[name])


async def test_store_and_temporal_tell_the_same(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    steps = [
        {"id": "a", "type": "COMPUTE", "with": {"expression": "input.x * 2"}},
        {"id": "b", "type": "LOG", "when": "${ false }", "with": {"message": "x"}},
    ]
    job_id = await submit(http, queue=bench.queue, steps=steps, input={"x": 19.99}, labels={"a": "b"})
    await finished(api, job_id)
    strong = (await http.get(f"/v1/jobs/{job_id}?consistency=strong")).json()
    missed = (await http.get(f"/v1/jobs/{job_id}")).json()
    await api.project(job_id)
    stored = (await http.get(f"/v1/jobs/{job_id}")).json()
    for job in (strong, missed, stored):
        del job["projection"]["lag_ms"]
    assert strong == missed == stored
    assert stored["steps"][0]["output"] == 39.98, stored


async def test_a_failed_job_names_its_step(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    steps = [{"id": "a", "type": "FAIL", "with": {"code": "MY.CODE", "message": "no"}}]
    job_id = await submit(http, queue=bench.queue, steps=steps, dead_letter={"enabled": False})
    await finished(api, job_id)
    job = (await http.get(f"/v1/jobs/{job_id}")).json()
    assert job["status"] == "FAILED"
    assert job["error"].items() >= {"code": "MY.CODE", "class": "PERMANENT", "message": "no", "step_id": "a"}.items()
    assert job["error"]["fingerprint"]


async def test_children_are_shown(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    child = spec(queue=bench.queue)
    job_id = await submit(http, queue=bench.queue, dependents=[{"name": "mail", "job": child}])
    await finished(api, job_id)
    child_id = f"{job_id}~~mail"
    await finished(api, child_id)
    expected = {"id": child_id, "name": "mail"}
    assert (await http.get(f"/v1/jobs/{job_id}")).json()["children"][0].items() >= expected.items()
    await api.project(job_id)
    await api.project(child_id)
    for query in ("", "?consistency=strong"):
        children = (await http.get(f"/v1/jobs/{job_id}{query}")).json()["children"]
        assert children == [{**expected, "status": "COMPLETED", "problem": None}]
    assert (await http.get(f"/v1/jobs/{child_id}")).json()["parent_id"] == job_id


async def test_a_dependent_that_could_not_start_is_among_the_children_with_the_reason(
    api: Api, http: httpx.AsyncClient, bench: Bench
) -> None:
    bad = {"name": "bad", "job": spec(queue=bench.queue, input="${ steps.a.output.nothing }")}
    good = {"name": "good", "job": spec(queue=bench.queue)}
    job_id = await submit(http, queue=bench.queue, dependents=[bad, good])
    await finished(api, job_id)
    await finished(api, f"{job_id}~~good")
    await api.project(job_id)
    for query in ("", "?consistency=strong"):
        shown = (await http.get(f"/v1/jobs/{job_id}{query}")).json()["children"]
        children = {child["name"]: child for child in shown}
        assert children["good"]["status"] is not None
        assert children["good"]["problem"] is None
        assert (children["bad"]["id"], children["bad"]["status"]) == (f"{job_id}~~bad", None)
        assert "its input" in children["bad"]["problem"]


async def test_a_job_that_was_reset_has_its_children_still(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    job_id = await submit(http, queue=bench.queue, dependents=[{"name": "mail", "job": spec(queue=bench.queue)}])
    await finished(api, job_id)
    await finished(api, f"{job_id}~~mail")
    first = (await http.get(f"/v1/jobs/{job_id}")).json()["run_id"]
    execution = WorkflowExecution(workflow_id=job_id, run_id=first)
    request = ResetWorkflowExecutionRequest(
        namespace=api.temporal.namespace,
        workflow_execution=execution,
        reason="again",
        workflow_task_finish_event_id=4,
        request_id=unique(),
    )
    await api.temporal.workflow_service.reset_workflow_execution(request)
    await finished(api, job_id)
    await api.project(job_id)
    await api.project(f"{job_id}~~mail")
    stored = (await http.get(f"/v1/jobs/{job_id}")).json()
    strong = (await http.get(f"/v1/jobs/{job_id}?consistency=strong")).json()
    assert stored["run_id"] == strong["run_id"] != first
    assert [child["id"] for child in strong["children"]] == [f"{job_id}~~mail"]
    assert strong["children"] == stored["children"]


async def test_an_unchanged_job_is_not_sent_again(api: Api, http: httpx.AsyncClient) -> None:
    job_id = await submit(http)
    tag = (await http.get(f"/v1/jobs/{job_id}")).headers["etag"]
    for sent in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        answer = await http.get(f"/v1/jobs/{job_id}", headers={"If-None-Match": sent})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    await api.temporal.get_workflow_handle(job_id).terminate()
    answer = await http.get(f"/v1/jobs/{job_id}", headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag


async def test_b11_attempts_seen_before_a_cancel_in_backoff_are_shown_by_temporal_too(
    api: Api, http: httpx.AsyncClient, bench: Bench
) -> None:
    step = {"id": "a", "type": "FAIL", "with": {"class": "TRANSIENT"}, "retry": {"initial_interval": "1h"}}
    job_id = await submit(http, queue=bench.queue, steps=[step])
    run_id = (await describe(api.temporal, job_id)).workflow_execution_info.execution.run_id

    async def seen() -> list[LiveObservation]:
        found = await observe(api.temporal, job_id, run_id, datetime.now(UTC))
        return [one for one in found if one.next_retry_at]

    observed = await until(seen)
    async with transaction(api.engine) as connection:
        await add_observations(connection, observed)
    await api.temporal.get_workflow_handle(job_id).cancel()
    await finished(api, job_id)
    (shown,) = (await http.get(f"/v1/jobs/{job_id}?consistency=strong")).json()["steps"]
    assert (shown["status"], shown["attempt_count"]) == ("CANCELED", 1)
    assert [(tried["attempt"], tried["outcome"], tried["live"]) for tried in shown["attempts"]] == [(1, "FAILED", True)]


async def test_a_job_that_is_nowhere_is_404(http: httpx.AsyncClient) -> None:
    for path in ("", "?consistency=strong", "/journal"):
        check_problem(await http.get(f"/v1/jobs/default:{unique()}{path}"), 404)


async def test_another_workflow_is_no_job(api: Api, http: httpx.AsyncClient) -> None:
    id_ = f"default:{unique()}"
    await api.temporal.start_workflow("Other", id=id_, task_queue="none")
    check_problem(await http.get(f"/v1/jobs/{id_}"), 404)
