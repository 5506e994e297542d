"""Payloads: out of sight without the grant, whatever the role and the way; each view with it is noted."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from temporalio.client import WorkflowFailureError

from tests.integration.api.stack import Api, unique
from tests.integration.workflow.conftest import Bench, running_bench
from tests.server.partner import running_partner

CANARY = "canary-7f3a"
DETAIL = "body_excerpt"
"""A name in the details of an error: what the partner said."""
STEPS = [{"id": "told", "type": "COMPUTE", "with": {"expression": "input.secret"}}]


@pytest.fixture(scope="module")
async def bench(temporal_address: str) -> AsyncIterator[Bench]:
    async with running_bench(temporal_address) as running:
        yield running


@pytest.fixture(scope="module")
async def job_id(api: Api, bench: Bench) -> AsyncIterator[str]:
    """A failed job of tenant `hush`: the canary in its input and a step's output, a partner's answer in its error."""
    with running_partner() as partner:
        partner.answers["/pay"] = [400]
        pay = {"method": "POST", "url": f"{partner.url}/pay", "json": "${ steps.told.output }"}
        body = {
            "name": "hush",
            "queue": bench.queue,
            "input": {"secret": CANARY},
            "steps": [*STEPS, {"id": "pay", "type": "HTTP_CALL", "with": pay}],
            "dead_letter": {"enabled": False},
        }
        answer = await api.client(await api.key("hush", "operator")).post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
        assert CANARY not in answer.text
        job_id = str(answer.json()["id"])
        async with asyncio.timeout(60):
            with suppress(WorkflowFailureError):
                await api.temporal.get_workflow_handle(job_id).result()
        await api.project(job_id)
        yield job_id


READS = ["", "?consistency=strong", "/journal", "/diagnosis"]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_no_role_sees_payloads_without_the_grant(api: Api, job_id: str, role: str, read: str) -> None:
    answer = await api.client(await api.key("hush", role)).get(f"/v1/jobs/{job_id}{read}")
    assert answer.status_code == 200
    assert CANARY not in answer.text
    assert DETAIL not in answer.text
    assert "STEP.HTTP.4XX" in answer.text


async def test_masked_is_told_from_nothing(api: Api, job_id: str) -> None:
    job = (await api.client(await api.key("hush", "viewer")).get(f"/v1/jobs/{job_id}")).json()
    told, pay = job["steps"]
    assert (job["input"], told["output"], pay["output"]) == ("***", "***", None)
    assert job["error"]["details"] == pay["error"]["details"] == {"masked": True}
    assert pay["attempts"][0]["error"]["details"] == {"masked": True}


async def test_with_the_grant_a_viewer_sees_them(api: Api, job_id: str) -> None:
    seeing = api.client(await api.key("hush", "viewer", payloads=True))
    job = (await seeing.get(f"/v1/jobs/{job_id}")).json()
    assert (job["input"], job["steps"][0]["output"]) == ({"secret": CANARY}, CANARY)
    assert DETAIL in job["error"]["details"]
    assert DETAIL in (await seeing.get(f"/v1/jobs/{job_id}/journal")).text


async def test_lists_show_error_details_to_nobody(api: Api, job_id: str) -> None:
    for key in (api.admin, await api.key("hush", "viewer")):
        (job,) = [
            job
            for job in (await api.client(key).get("/v1/jobs?status=FAILED&limit=200")).json()["data"]
            if job["id"] == job_id
        ]
        assert job["error"]["details"] == {"masked": True}


async def test_a_decision_answers_with_payloads_masked(api: Api) -> None:
    operator = api.client(await api.key("hush", "operator"))
    body = {"name": "hush", "input": {"secret": CANARY}, "steps": STEPS, "queue": f"none-{unique()[:8]}"}
    job_id = (await operator.post("/v1/jobs", json=body)).json()["id"]
    answer = await operator.post(f"/v1/jobs/{job_id}/cancel", json={"reason": "enough"})
    assert (answer.status_code, answer.json()["job"]["input"]) == (202, "***")
    assert CANARY not in answer.text


async def test_a_replayed_submission_answers_with_payloads_masked(api: Api) -> None:
    operator = api.client(await api.key("hush", "operator"))
    body = {"id": unique(), "name": "hush", "input": {"secret": CANARY}, "steps": STEPS}
    answers = [await operator.post("/v1/jobs", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 200]
    assert not any(CANARY in answer.text for answer in answers)


async def test_the_entity_tag_of_what_is_masked_is_another_one(api: Api, job_id: str) -> None:
    keys = [await api.key("hush", "viewer"), await api.key("hush", "viewer", payloads=True)]
    masked, seen = [(await api.client(key).get(f"/v1/jobs/{job_id}")).headers["etag"] for key in keys]
    assert masked != seen


def views(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = [*caplog.text.splitlines(), *"".join(capsys.readouterr()).splitlines()]
    return [line for line in lines if "PAYLOAD_VIEWED" in line]


@pytest.mark.parametrize("read", READS)
async def test_each_view_of_payloads_is_noted(
    api: Api, job_id: str, read: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    name = f"curious-{unique()}"
    client = api.client(await api.key("hush", "viewer", name, payloads=True))
    await client.get(f"/v1/jobs/{job_id}{read}")
    (line,) = views(caplog, capsys)
    assert f"key:{name}" in line
    assert job_id in line
    assert CANARY not in line


async def test_a_view_without_payloads_is_not_noted(
    api: Api, http: httpx.AsyncClient, job_id: str,
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    await api.client(await api.key("hush", "viewer")).get(f"/v1/jobs/{job_id}")
    await http.get("/v1/jobs?limit=1")
    assert views(caplog, capsys) == []
