"""Every request is in a trace, the client's or one of its own; the job it submits is too."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from api.jobs.view import Linker
from perdure.contract.trace import TraceContext, read_traceparent
from perdure.settings import Settings, setting_problems
from tests.integration.api.stack import Api, spec

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT = f"00-{TRACE}-00f067aa0ba902b7-00"


def place(answer: httpx.Response) -> TraceContext:
    found = read_traceparent(answer.headers["traceparent"])
    assert found is not None
    return found


async def test_a_job_that_was_submitted_without_a_trace_has_one(api: Api, http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json=spec())
    job = answer.json()
    memo = await (await api.temporal.get_workflow_handle(job["id"]).describe()).memo()
    assert memo["traceparent"] == answer.headers["traceparent"]
    assert job["trace_id"] == place(answer).trace_id
    assert place(answer).sampled
    await api.project(job["id"])
    assert (await http.get(f"/v1/jobs/{job['id']}")).json()["trace_id"] == job["trace_id"]
    rows = (await http.get(f"/v1/jobs/{job['id']}/journal")).json()["data"]
    assert rows
    assert {row["trace_id"] for row in rows} == {job["trace_id"]}


async def test_a_client_that_does_not_sample_is_followed(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/jobs", json=spec(), headers={"traceparent": SENT})
    assert place(answer).trace_id == TRACE
    assert not place(answer).sampled


async def test_each_request_without_a_trace_has_one_of_its_own(http: httpx.AsyncClient) -> None:
    answers = [await http.get("/v1/jobs?limit=1") for _ in range(3)]
    assert len({place(answer).trace_id for answer in answers}) == 3


async def test_a_job_keeps_its_first_trace_when_it_is_sent_again(http: httpx.AsyncClient) -> None:
    first = (await http.post("/v1/jobs", json=spec(id="traced-twice"))).json()
    again = await http.post("/v1/jobs", json=spec(id="traced-twice"), headers={"traceparent": SENT})
    assert again.status_code == 200
    assert again.json()["trace_id"] == first["trace_id"]
    assert place(again).trace_id == TRACE


@pytest.mark.parametrize("path", ["/v1/jobs/none", "/nowhere", "/v1/jobs?limit=x"])
async def test_a_problem_names_the_trace_of_its_request(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code >= 400
    assert answer.json()["trace_id"] == place(answer).trace_id
    sent = await http.get(path, headers={"traceparent": SENT})
    assert sent.json()["trace_id"] == TRACE


@pytest.mark.parametrize("sent", ["", "garbage", SENT.upper(), SENT + "-x", "\u00e9"])
async def test_a_traceparent_that_is_none_is_as_if_none_were_sent(http: httpx.AsyncClient, sent: str) -> None:
    answer = await http.get("/v1/jobs?limit=1", headers={b"traceparent": sent.encode()})
    assert answer.status_code == 200
    assert place(answer).trace_id not in sent.lower()


def test_the_link_of_a_job_is_made_from_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    job: Any = type("Job", (), {"id": "acme:a", "run_id": "r", "trace_id": TRACE})()
    assert Linker.of(Settings()).links(job).trace is None
    monkeypatch.setenv("PERDURE_TRACE_URL", "https://traces.example/t/{trace_id}?tab={x}")
    linker = Linker.of(Settings())
    assert linker.links(job).trace == f"https://traces.example/t/{TRACE}?tab={{x}}"
    job.trace_id = None
    assert linker.links(job).trace is None


@pytest.mark.parametrize("url", ["http://jaeger:16686", "javascript:alert({trace_id})", "{trace_id}", ""])
def test_a_template_that_leads_nowhere_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PERDURE_TRACE_URL", url)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert setting_problems(refused.value).startswith("PERDURE_TRACE_URL: ")
    assert "{trace_id}" in setting_problems(refused.value)
