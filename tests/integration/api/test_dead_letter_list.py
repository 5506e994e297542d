"""`GET /v1/dead-letters`: what is parked is listed and filtered; one entry tells all there is to know."""

from typing import Any

import pytest

from api.bulk_actions.schemas import BulkFilter
from tests.integration.api.desk import Desk, fail, log
from tests.integration.api.stack import unique, until
from tests.integration.api.test_bad_input import check_problem
from tests.server.partner import Partner

LIST = "/v1/dead-letters"


def broken(partner: Partner, id_: str, **fields: Any) -> dict[str, Any]:
    with_ = {"method": "GET", "url": f"{partner.url}/{id_}"}
    return {"id": id_, "type": "HTTP_CALL", "with": with_, "retry": {"maximum_attempts": 2}, **fields}


async def park(desk: Desk, steps: list[dict[str, Any]], **fields: Any) -> str:
    job_id = await desk.started(steps, "DEAD_LETTERED", **fields)
    await desk.api.project(job_id)
    return job_id


async def ids(desk: Desk, query: str) -> list[str]:
    answer = await desk.http.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


async def test_each_filter_finds_the_parked_job_and_none_that_is_otherwise(desk: Desk, partner: Partner) -> None:
    partner.answers["/fetch"] = [404]
    run = unique()
    labels = {"run": run}
    job_id = await park(desk, [broken(partner, "fetch")], labels=labels, name="orders of today")
    await park(desk, [fail("other", retry={"maximum_attempts": 1})], labels=labels)
    label = f"label=run={run}"
    entry = (await desk.http.get(f"{LIST}?{label}&step=fetch")).json()["data"][0]
    unit = entry["parked"][0]
    assert (entry["id"], entry["parked_count"], unit["unit"], unit["http_status"]) == (job_id, 1, "fetch", 404)
    assert unit["error"]["code"] == "STEP.HTTP.4XX"
    assert unit["runbook"] == "deploy/runbooks/step-permanent.md"
    assert entry["expires_at"] > entry["parked_at"]
    fitting: tuple[str, ...] = (
        "error_code=STEP.HTTP.4XX",
        "error_class=PERMANENT&step=fetch",
        "http_status=404",
        "q=TODAY+orders",
    )
    fitting += (f"fingerprint={unit['error']['fingerprint']}", f"since={entry['parked_at']}&step=fetch")
    for query in (*fitting, f"queue={desk.queue}&step=fetch", "type=INLINE&step=fetch"):
        assert await ids(desk, f"{label}&{query}") == [job_id], query
    for query in ("error_code=STEP.HTTP.5XX", "error_class=LOST", "http_status=500", "q=tomorrow", "queue=nobody"):
        assert await ids(desk, f"{label}&{query}") == [], query
    assert await ids(desk, f"{label}&until={entry['parked_at']}&step=fetch") == []


async def test_each_filter_means_the_same_in_list_groups_and_bulk(desk: Desk, partner: Partner) -> None:
    run = unique()
    partner.answers[f"/{run}"] = [502]
    steps = [{**broken(partner, run), "id": "fetch", "retry": {"maximum_attempts": 1}}]
    job_id = await park(desk, steps, labels={"run": run}, name=f"nightly {run}")
    unit = (await desk.http.get(f"{LIST}?label=run={run}")).json()["data"][0]["parked"][0]
    fitting: dict[str, Any] = {
        "error_code": "STEP.HTTP.5XX",
        "error_class": "TRANSIENT",
        "fingerprint": unit["error"]["fingerprint"],
        "http_status": 502,
        "step": "fetch",
        "type": "INLINE",
        "queue": desk.queue,
        "since": unit["parked_at"],
        "until": "2126-01-01T00:00:00Z",
        "older_than": "1ms",
        "younger_than": "10m",
        "q": f"nightly {run}",
    }
    otherwise: dict[str, Any] = {
        "error_code": "STEP.HTTP.4XX",
        "error_class": "PERMANENT",
        "fingerprint": "0" * 16,
        "http_status": 500,
        "step": "fetch2",
        "type": "invoice",
        "queue": "nobody",
        "since": "2126-01-01T00:00:00Z",
        "until": unit["parked_at"],
        "older_than": "10m",
        "younger_than": "1ms",
        "q": f"daily {run}",
    }
    assert fitting.keys() == otherwise.keys() == BulkFilter.model_fields.keys() - {"labels"}
    for values, found in ((fitting, [job_id]), (otherwise, [])):
        for name, value in values.items():
            params = {"label": f"run={run}", name: value}
            listed = (await desk.http.get(LIST, params=params)).json()
            assert [row["id"] for row in listed["data"]] == found, (name, value)
            groups = (await desk.http.get(f"{LIST}/groups", params=params)).json()
            assert [group["example"] for group in groups["data"]] == found, (name, value)
            body = {"action": "retry", "reason": "dry", "dry_run": True}
            chosen = {"filter": {"labels": {"run": run}, name: value}}
            dry = (await desk.http.post("/v1/bulk-actions", json=body | chosen)).json()
            assert dry["sample"] == found, (name, value)


async def test_what_was_decided_is_no_longer_listed(desk: Desk) -> None:
    job_id = await park(desk, [fail("a"), log("b")], labels={"run": (run := unique())})
    assert await ids(desk, f"label=run={run}") == [job_id]
    assert (await desk.decide(job_id, "/retry", {"reason": "mended"})).status_code == 202
    await desk.reach(job_id, "COMPLETED")
    await desk.api.project(job_id)
    assert await ids(desk, f"label=run={run}") == []
    problem = check_problem(await desk.http.get(f"{LIST}/{job_id}"), 409)
    assert (problem["code"], "COMPLETED" in problem["detail"]) == ("API.JOB_NOT_PARKED", True)


async def test_pages_follow_each_other_and_a_foreign_cursor_is_refused(desk: Desk) -> None:
    run = unique()
    parked = [await park(desk, [fail("a")], labels={"run": run}) for _ in range(3)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await desk.http.get(f"{LIST}?label=run={run}&limit=2{cursor}")).json()
        seen += [row["id"] for row in page["data"]]
        if not page["page"]["has_more"]:
            break
        cursor = f"&cursor={page['page']['cursor']}"
    assert seen == parked[::-1]
    check_problem(await desk.http.get(f"{LIST}?cursor=nonsense"), 422)


@pytest.mark.parametrize(
    "query",
    [
        "http_status=abc",
        "error_class=BAD",
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        "older_than=2h&younger_than=1h",
        "older_than=soon",
        "nope=1",
    ],
)
async def test_a_wrong_filter_is_told(desk: Desk, query: str) -> None:
    check_problem(await desk.http.get(f"{LIST}?{query}"), 422)
    check_problem(await desk.http.get(f"{LIST}/groups?{query}"), 422)


async def test_an_entry_tells_units_attempts_retention_lineage_and_decisions(desk: Desk, partner: Partner) -> None:
    partner.answers["/fetch"] = [500]
    quick = {"maximum_attempts": 2, "initial_interval": "10ms"}
    steps = [
        broken(partner, "fetch", depends_on=[], retry=quick),
        {**fail("each", depends_on=[], for_each={"items": "${ [1, 2] }"}), "with": {"code": "STEP.BAD"}},
    ]
    job_id = await desk.start(steps)

    async def parked() -> bool:
        await desk.api.project(job_id)
        answer = await desk.http.get(f"{LIST}/{job_id}")
        return answer.status_code == 200 and answer.json()["parked_count"] == 3

    await until(parked)
    entry = (await desk.http.get(f"{LIST}/{job_id}")).json()
    assert {unit["unit"] for unit in entry["parked"]} == {"fetch", "each.0", "each.1"}
    fetch = next(unit for unit in entry["parked"] if unit["unit"] == "fetch")
    assert [attempt["outcome"] for attempt in fetch["attempts"]] == ["FAILED", "FAILED"]
    item = next(unit for unit in entry["parked"] if unit["unit"] == "each.1")
    assert item["attempt_count"] == len(item["attempts"]) == 1
    assert 0 < entry["retention_left_ms"] <= 30 * 86_400_000
    assert [option["action"] for option in entry["decisions"]] == ["retry", "skip", "discard"]
    assert entry["lineage"] == {"parent_id": None, "resubmit_of": None, "children": []}
    assert entry["job"]["id"] == job_id


async def test_what_can_be_decided_about_a_parked_compensation_is_told_and_taken(desk: Desk) -> None:
    undo = {"type": "FAIL", "with": {"class": "PERMANENT"}}
    job_id = await park(desk, [log("a", compensate=undo), fail("b")])
    assert (await desk.decide(job_id, "/discard", {"reason": "no"})).status_code == 202

    async def parked() -> bool:
        await desk.api.project(job_id)
        answer = await desk.http.get(f"{LIST}/{job_id}")
        return answer.status_code == 200 and answer.json()["parked"][0]["unit"] == "a.compensate"

    await until(parked)
    options = (await desk.http.get(f"{LIST}/{job_id}")).json()["decisions"]
    named = {option["action"]: option["units"] for option in options}
    assert named == {"retry": ["a.compensate"], "skip": ["a.compensate"], "discard": []}
    body = {"reason": "undone by hand", "step": "a.compensate", "output": None}
    assert (await desk.decide(job_id, "/skip", body)).status_code == 202
    await desk.reach(job_id, "FAILED")


async def test_another_tenant_sees_nothing_of_it(desk: Desk) -> None:
    job_id = await park(desk, [fail("a")])
    stranger = desk.api.client(await desk.api.key("stranger", "viewer"))
    assert (await stranger.get(LIST)).json()["data"] == []
    assert (await stranger.get(f"{LIST}/groups")).json()["data"] == []
    check_problem(await stranger.get(f"{LIST}/{job_id}"), 404)
