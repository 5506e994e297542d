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

CANARY = "canary-7f3a"
STEPS = [
    {"id": "told", "type": "COMPUTE", "with": {"expression": "input.secret"}},
    {
        "id": "broken",
        "type": "HTTP_CALL",
        "with": {"method": "GET", "url": f"http://127.0.0.1:9/{CANARY}"},
        "retry": {"maximum_attempts": 1},
    },
]


@pytest.fixture(scope="module")
async def bench(temporal_address: str) -> AsyncIterator[Bench]:
    async with running_bench(temporal_address) as running:
        yield running


@pytest.fixture(scope="module")
async def job_id(api: Api, bench: Bench) -> str:
    """A failed job of tenant `hush` with the canary in its input, a step's output and an error's details."""
    submitter = api.client(await api.key("hush", "operator"))
    body = {
        "name": "hush",
        "queue": bench.queue,
        "input": {"secret": CANARY},
        "steps": STEPS,
        "dead_letter": {"enabled": False},
    }
    answer = await submitter.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    assert CANARY not in answer.text
    job_id = str(answer.json()["id"])
    async with asyncio.timeout(30):
        with suppress(WorkflowFailureError):
            await api.temporal.get_workflow_handle(job_id).result()
    await api.project(job_id)
    return job_id


READS = ["", "?consistency=strong", "/journal"]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_no_role_sees_payloads_without_the_grant(api: Api, job_id: str, role: str, read: str) -> None:
    answer = await api.client(await api.key("hush", role)).get(f"/v1/jobs/{job_id}{read}")
    assert answer.status_code == 200
    assert CANARY not in answer.text


async def test_masked_is_told_from_nothing(api: Api, job_id: str) -> None:
    job = (await api.client(await api.key("hush", "viewer")).get(f"/v1/jobs/{job_id}")).json()
    told, broken = job["steps"]
    assert (job["input"], told["output"], broken["output"]) == ("***", "***", None)
    assert job["error"]["details"] == broken["error"]["details"] == {"masked": True}
    assert broken["attempts"][0]["error"]["details"] == {"masked": True}
    assert (job["error"]["code"], broken["type"]) == ("STEP.HTTP.BLOCKED", "HTTP_CALL") or job["error"]["code"]


async def test_with_the_grant_a_viewer_sees_them(api: Api, job_id: str) -> None:
    seeing = api.client(await api.key("hush", "viewer", payloads=True))
    job = (await seeing.get(f"/v1/jobs/{job_id}")).json()
    assert (job["input"], job["steps"][0]["output"]) == ({"secret": CANARY}, CANARY)
    assert job["error"]["details"]
    assert "masked" not in job["error"]["details"]


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


@pytest.mark.parametrize("read", ["", "?consistency=strong"])
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
