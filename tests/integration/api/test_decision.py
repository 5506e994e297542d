"""Cancel and retry: each reaches Temporal with its actor and reason, and its answer says what became of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from api.jobs import stop
from api.temporal_call import temporal_call
from tests.integration.api.desk import WAIT, Desk
from tests.integration.api.stack import Api, serving, spec, unique, until
from tests.integration.api.test_bad_input import check_problem
from tests.integration.workflow.conftest import Bench, running_bench

PARKING = [{"id": "a", "type": "FAIL", "with": {"times": 1}}, {"id": "b", "type": "LOG", "with": {"message": "x"}}]


@pytest.fixture(scope="module")
async def bench(temporal_address: str) -> AsyncIterator[Bench]:
    async with running_bench(temporal_address) as running:
        yield running


@pytest.fixture(scope="module")
def http(desk: Desk) -> httpx.AsyncClient:
    """Of an API that waits for its worker longer than a busy machine takes."""
    return desk.http


async def _status(http: httpx.AsyncClient, job_id: str) -> str:
    return str((await http.get(f"/v1/jobs/{job_id}?consistency=strong")).json()["status"])


async def reach(http: httpx.AsyncClient, job_id: str, status: str) -> None:
    async def reached() -> bool:
        return await _status(http, job_id) == status

    await until(reached)


async def parked(http: httpx.AsyncClient, bench: Bench) -> str:
    job_id = (await http.post("/v1/jobs", json=spec(steps=PARKING, queue=bench.queue))).json()["id"]
    await reach(http, job_id, "DEAD_LETTERED")
    return str(job_id)


async def journal(api: Api, http: httpx.AsyncClient, job_id: str) -> list[dict[str, object]]:
    await api.project(job_id)
    rows: list[dict[str, object]] = (await http.get(f"/v1/jobs/{job_id}/journal")).json()["data"]
    return rows


async def test_cancel_is_durable_without_a_worker(api: Api, http: httpx.AsyncClient) -> None:
    queue = f"t{unique()[:12]}"
    job_id = (await http.post("/v1/jobs", json=spec(queue=queue))).json()["id"]
    answer = await http.post(f"/v1/jobs/{job_id}/cancel", json={"reason": "not needed"})
    assert answer.status_code == 202
    assert (answer.json()["job_id"], answer.json()["job"]["id"]) == (job_id, job_id)
    asked = [row for row in await journal(api, http, job_id) if row["type"] == "JOB_CANCEL_REQUESTED"]
    assert [(row["actor"], row["data"]) for row in asked] == [("key:admin", {"reason": "not needed"})]


async def test_a_cancelled_job_ends_canceled(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    steps = [{"id": "a", "type": "SLEEP", "with": {"duration": "1h"}}]
    job_id = (await http.post("/v1/jobs", json=spec(steps=steps, queue=bench.queue))).json()["id"]
    await reach(http, job_id, "WAITING")
    assert (await http.post(f"/v1/jobs/{job_id}/cancel", json={"reason": "x"})).status_code == 202
    await reach(http, job_id, "CANCELED")


async def test_cancelling_twice_is_harmless(http: httpx.AsyncClient) -> None:
    job_id = (await http.post("/v1/jobs", json=spec(queue="nobody"))).json()["id"]
    for _ in range(2):
        assert (await http.post(f"/v1/jobs/{job_id}/cancel", json={"reason": "x"})).status_code == 202


async def test_cancelling_a_job_that_ends_meanwhile_is_409(
    http: httpx.AsyncClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = (await http.post("/v1/jobs", json=spec(queue=bench.queue, steps=[WAIT]))).json()["id"]
    asked: list[str] = []

    @asynccontextmanager
    async def once_it_ended(*seconds: float) -> AsyncIterator[None]:
        """Lets the time pass that a cancel, once the job was found open, may take to reach Temporal."""
        await bench.client.get_workflow_handle(job_id).signal("deliver", {"name": "go"})
        await reach(http, job_id, "COMPLETED")
        asked.append(job_id)
        async with temporal_call(*seconds):
            yield

    monkeypatch.setattr(stop, "temporal_call", once_it_ended)
    problem = check_problem(await http.post(f"/v1/jobs/{job_id}/cancel", json={"reason": "x"}), 409)
    assert asked == [job_id]
    assert (problem["code"], "COMPLETED" in problem["detail"]) == ("API.JOB_CLOSED", True)


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_deciding_about_a_closed_job_is_409_with_its_status(api: Api, http: httpx.AsyncClient, verb: str) -> None:
    job_id = (await http.post("/v1/jobs", json=spec(queue="nobody"))).json()["id"]
    await api.temporal.get_workflow_handle(job_id).terminate("enough")
    problem = check_problem(await http.post(f"/v1/jobs/{job_id}/{verb}", json={"reason": "x"}), 409)
    assert problem["code"] == "API.JOB_CLOSED"
    assert "TERMINATED" in problem["detail"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_deciding_about_an_unknown_job_is_404(http: httpx.AsyncClient, verb: str) -> None:
    check_problem(await http.post(f"/v1/jobs/default:{unique()}/{verb}", json={"reason": "x"}), 404)


async def test_retry_brings_a_parked_job_home(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    job_id = await parked(http, bench)
    answer = await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "the partner is back"})
    assert (answer.status_code, answer.json()["steps"]) == (202, ["a"])
    await reach(http, job_id, "COMPLETED")
    asked = [row for row in await journal(api, http, job_id) if row["type"] == "JOB_RETRY_REQUESTED"]
    assert [row["actor"] for row in asked] == ["key:admin"]


async def test_a_decision_needs_no_body(http: httpx.AsyncClient, bench: Bench) -> None:
    job_id = await parked(http, bench)
    assert (await http.post(f"/v1/jobs/{job_id}/retry")).status_code == 202
    await reach(http, job_id, "COMPLETED")


async def test_retry_of_a_job_that_is_not_parked_is_409(http: httpx.AsyncClient, bench: Bench) -> None:
    steps = [{"id": "a", "type": "SLEEP", "with": {"duration": "1h"}}]
    job_id = (await http.post("/v1/jobs", json=spec(steps=steps, queue=bench.queue))).json()["id"]
    await reach(http, job_id, "WAITING")
    problem = check_problem(await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "x"}), 409)
    assert problem["code"] == "API.JOB_NOT_PARKED"
    assert "WAITING" in problem["detail"]
    await http.post(f"/v1/jobs/{job_id}/cancel")


async def test_retry_of_named_steps(http: httpx.AsyncClient, bench: Bench) -> None:
    job_id = await parked(http, bench)
    unknown = await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "x", "steps": ["zz"]})
    assert check_problem(unknown, 422)["code"] == "API.STEP_UNKNOWN"
    wrong = await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "x", "steps": ["b"]})
    assert check_problem(wrong, 409)["code"] == "API.JOB_NOT_PARKED"
    assert (await http.post(f"/v1/jobs/{job_id}/retry", json={"steps": ["a"]})).json()["steps"] == ["a"]


async def test_many_retries_at_once_are_one_re_execution(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    job_id = await parked(http, bench)
    sent = [http.post(f"/v1/jobs/{job_id}/retry", json={"reason": f"r{number % 3}"}) for number in range(12)]
    answers = Counter(answer.status_code for answer in await asyncio.gather(*sent))
    assert answers.keys() <= {202, 409}
    assert answers[202] >= 1
    await reach(http, job_id, "COMPLETED")
    rows = [row["type"] for row in await journal(api, http, job_id)]
    assert rows.count("JOB_RETRY_REQUESTED") == 1


async def test_a_step_that_parks_again_can_be_retried_with_the_same_words(
    api: Api, http: httpx.AsyncClient, bench: Bench
) -> None:
    steps = [{"id": "a", "type": "FAIL", "with": {"times": 3}}]
    job_id = (await http.post("/v1/jobs", json=spec(steps=steps, queue=bench.queue))).json()["id"]
    for _ in range(3):
        await reach(http, job_id, "DEAD_LETTERED")
        answer = await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "again"})
        assert answer.status_code == 202, answer.text
    await reach(http, job_id, "COMPLETED")


async def test_the_same_decision_under_a_key_is_one_decision(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    steps = [{"id": "a", "type": "FAIL", "with": {"times": 2}}]
    job_id = (await http.post("/v1/jobs", json=spec(steps=steps, queue=bench.queue))).json()["id"]
    await reach(http, job_id, "DEAD_LETTERED")
    headers = {"Idempotency-Key": unique()}
    first = await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "x"}, headers=headers)

    async def parked_again() -> bool:
        (step,) = (await http.get(f"/v1/jobs/{job_id}?consistency=strong")).json()["steps"]
        return bool(step["status"] == "DEAD_LETTERED" and step["round"] == 2)

    await until(parked_again)
    again = await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "x"}, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert await parked_again()


async def test_without_a_worker_a_retry_is_504_and_takes_effect_later(api: Api, temporal_address: str) -> None:
    http = api.client(api.admin)  # this one does not wait long
    queue = f"t{unique()[:12]}"
    async with serving(temporal_address, queue):
        job_id = (await http.post("/v1/jobs", json=spec(steps=PARKING, queue=queue))).json()["id"]
        await reach(http, job_id, "DEAD_LETTERED")
    for _ in range(2):
        answer = await http.post(f"/v1/jobs/{job_id}/retry", json={"reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (504, "API.DECISION_TIMEOUT")
        assert answer.json()["retryable"] is True
        assert "may still take effect" in answer.json()["detail"]
    async with serving(temporal_address, queue):
        await reach(http, job_id, "COMPLETED")
