"""Jobs that no worker has taken up yet are in lists, and what their history tells replaces that."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from perdure.store.session import transaction
from perdure.store.table import jobs
from tests.integration.api.stack import Api, spec, unique, until
from tests.integration.workflow.conftest import Bench, running_bench


@pytest.fixture(scope="module")
async def bench(temporal_address: str) -> AsyncIterator[Bench]:
    async with running_bench(temporal_address) as running:
        yield running


async def listed(http: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await http.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["data"]
    return items


async def submit_unheard(http: httpx.AsyncClient, **fields: Any) -> tuple[str, dict[str, str]]:
    """A job that no worker takes up, once lists have it; and the query that lists it alone."""
    label = unique()
    answer = await http.post("/v1/jobs", json=spec(labels={"mark": label}, **fields))
    assert answer.status_code == 202, answer.text
    query = {"label": f"mark={label}"}

    async def shown() -> bool:
        return bool(await listed(http, **query))

    await until(shown)
    return str(answer.json()["id"]), query


async def test_with_no_worker_lists_have_what_was_submitted(http: httpx.AsyncClient) -> None:
    job_id, query = await submit_unheard(http, queue="nobody")
    (job,) = await listed(http, status="QUEUED", queue="nobody", **query)
    assert (job["id"], job["projection"]["event_id"]) == (job_id, 0)
    whole = (await http.get(f"/v1/jobs/{job_id}")).json()
    assert whole["projection"]["event_id"] > 0, "told from Temporal"
    for field in ("name", "status", "labels", "submitted_by", "queue", "run_id", "trace_id"):
        assert job[field] == whole[field], field


async def test_a_job_that_was_never_taken_up_is_told_by_temporal_also_when_it_ended(
    api: Api, http: httpx.AsyncClient
) -> None:
    job_id, _ = await submit_unheard(http, queue="nobody")
    await api.temporal.get_workflow_handle(job_id).terminate("not wanted")
    assert (await http.get(f"/v1/jobs/{job_id}")).json()["status"] == "TERMINATED"


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
async def test_what_is_folded_replaces_it_whatever_the_clock_of_the_api_says(
    api: Api, http: httpx.AsyncClient, bench: Bench, ahead: timedelta
) -> None:
    job_id, query = await submit_unheard(http, queue=bench.queue)
    async with transaction(api.engine) as connection:
        own = update(jobs).where(jobs.c.id == job_id)
        await connection.execute(own.values(created_at=jobs.c.created_at + ahead))
    async with asyncio.timeout(60):
        await api.temporal.get_workflow_handle(job_id).result()
    await api.project(job_id)
    (row,) = await listed(http, **query)
    strong = (await http.get(f"/v1/jobs/{job_id}?consistency=strong")).json()
    assert (row["status"], row["created_at"]) == (strong["status"], strong["created_at"])
    journal = (await http.get(f"/v1/jobs/{job_id}/journal")).json()["data"]
    assert [entry["type"] for entry in journal].count("JOB_SUBMITTED") == 1


async def test_a_job_that_is_projected_keeps_its_row(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    answer = await http.post("/v1/jobs", json=spec(queue=bench.queue))
    job_id = answer.json()["id"]
    await api.temporal.get_workflow_handle(job_id).result()
    await api.project(job_id)
    other, query = await submit_unheard(http, queue="nobody")  # its row is written after those submitted before
    assert other in {job["id"] for job in await listed(http, **query)}
    job = (await http.get(f"/v1/jobs/{job_id}")).json()
    assert (job["status"], job["projection"]["event_id"] > 0) == ("COMPLETED", True)
