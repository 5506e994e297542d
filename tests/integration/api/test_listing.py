"""Lists of jobs and their journals: order, pages, filters."""

import httpx
import pytest

from tests.integration.api.stack import Api
from tests.integration.api.test_reading import VIEW, bench, finished, submit
from tests.integration.workflow.conftest import Bench

__all__ = ["bench"]


JOURNAL = {
    "job_id", "parent_job_id", "run_id", "event_id", "seq", "at", "type", "actor", "step_id", "attempt", "status",
    "outcome", "trace_id", "data",
}  # fmt: skip


async def test_the_journal_is_numbered_and_cites_its_events(api: Api, http: httpx.AsyncClient, bench: Bench) -> None:
    job_id = await submit(http, queue=bench.queue)
    await finished(api, job_id)
    await api.project(job_id)
    whole = (await http.get(f"/v1/jobs/{job_id}/journal")).json()
    assert whole["page"] == {"cursor": None, "has_more": False}
    assert [row["seq"] for row in whole["data"]] == list(range(1, len(whole["data"]) + 1))
    assert all(row.keys() == JOURNAL for row in whole["data"])
    assert (whole["data"][0]["type"], whole["data"][0]["actor"]) == ("JOB_SUBMITTED", "key:admin")
    assert whole["data"][-1]["type"] == "JOB_COMPLETED"
    paged, cursor = [], ""
    while True:
        page = (await http.get(f"/v1/jobs/{job_id}/journal?limit=2{cursor}")).json()
        paged += page["data"]
        if not page["page"]["has_more"]:
            break
        cursor = f"&cursor={page['page']['cursor']}"
    assert paged == whole["data"]
    assert whole["projection"] == (await http.get(f"/v1/jobs/{job_id}")).json()["projection"]


async def test_past_the_end_of_a_journal_there_is_nothing(api: Api, http: httpx.AsyncClient) -> None:
    job_id = await submit(http)
    await api.project(job_id)
    answer = await http.get(f"/v1/jobs/{job_id}/journal?cursor=999999999")
    assert (answer.status_code, answer.json()["data"]) == (200, [])


@pytest.fixture(scope="module")
async def listed(api: Api) -> tuple[httpx.AsyncClient, list[str]]:
    """A tenant with five projected jobs, newest first."""
    client = api.client(await api.key("listing", "operator"))
    ids = []
    for number in range(5):
        fields = {"labels": {"team": "billing", "n": str(number)}, "correlation_id": f"order-{number % 2}"}
        ids.append(
            await submit(client, queue=f"q{number % 2}", type="SIMULATION" if number == 4 else "INLINE", **fields)
        )
    await api.temporal.get_workflow_handle(ids[0]).terminate()
    for job_id in ids:
        await api.project(job_id)
    return client, ids[::-1]


async def test_lists_are_newest_first_and_without_the_large_parts(listed: tuple[httpx.AsyncClient, list[str]]) -> None:
    client, ids = listed
    answer = (await client.get("/v1/jobs")).json()
    assert [job["id"] for job in answer["data"]] == ids
    assert answer["data"][0].keys() == VIEW - {"input", "output", "steps", "children"}
    assert answer["page"] == {"cursor": None, "has_more": False}


async def test_pages_of_a_list_follow_each_other(listed: tuple[httpx.AsyncClient, list[str]]) -> None:
    client, ids = listed
    seen, query = [], "limit=2"
    while True:
        page = (await client.get(f"/v1/jobs?{query}")).json()
        seen.append([job["id"] for job in page["data"]])
        if not page["page"]["has_more"]:
            break
        query = f"limit=2&cursor={page['page']['cursor']}"
    assert seen == [ids[:2], ids[2:4], ids[4:]]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("status=TERMINATED", [4]),
        ("status=QUEUED", [0, 1, 2, 3]),
        ("status=QUEUED,TERMINATED", [0, 1, 2, 3, 4]),
        ("status=QUEUED&status=TERMINATED", [0, 1, 2, 3, 4]),
        ("status=COMPLETED", []),
        ("type=SIMULATION", [0]),
        ("queue=q1", [1, 3]),
        ("label=team%3Dbilling&label=n%3D3", [1]),
        ("label=team%3Dbilling&label=team%3Dbilling", [0, 1, 2, 3, 4]),
        ("label=team%3Dother", []),
        ("correlation_id=order-0", [0, 2, 4]),
        ("since=2020-01-01T00:00:00Z", [0, 1, 2, 3, 4]),
        ("until=2020-01-01T00:00:00%2B01:00", []),
        ("queue=%F0%9F%98%80", []),
    ],
)
async def test_lists_are_narrowed_down(
    listed: tuple[httpx.AsyncClient, list[str]], query: str, numbers: list[int]
) -> None:
    client, ids = listed
    found = [job["id"] for job in (await client.get(f"/v1/jobs?{query}")).json()["data"]]
    assert found == [ids[number] for number in numbers]


async def test_since_and_until_cut_at_the_time_named(listed: tuple[httpx.AsyncClient, list[str]]) -> None:
    client, ids = listed
    jobs = (await client.get("/v1/jobs")).json()["data"]
    middle = jobs[2]["created_at"]
    since = [job["id"] for job in (await client.get(f"/v1/jobs?since={middle}")).json()["data"]]
    until = [job["id"] for job in (await client.get(f"/v1/jobs?until={middle}")).json()["data"]]
    assert (since, until) == (ids[:3], ids[3:])
