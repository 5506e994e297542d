"""C6: bulk actions over HTTP, run by the real workflow: frozen, careful, told for each job, once for each key."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

import activities.bulk_action
import activities.bulk_decision
from perdure.contract.bulk import bulk_workflow_id
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.record import StepRecord
from perdure.projection.writer import write
from tests.integration.api.bulk_desk import BULK, WHY, bulk, create, finished, park
from tests.integration.api.desk import NAP, Desk, fail, log
from tests.integration.api.stack import running_api, serving, unique, until
from tests.integration.api.test_bad_input import check_problem
from tests.integration.store.sample import broken, job, projection
from tests.integration.store.server import PostgresServer
from workflows.bulk_action import workflow

__all__ = ["bulk"]


async def test_c6_a_filter_is_counted_tried_dry_and_then_brings_all_home(bulk: Desk) -> None:
    run = unique()
    ids = await park(bulk, 5, labels={"run": run})
    await park(bulk, 1)
    wanted = {"filter": {"labels": {"run": run}}}
    dry = await create(bulk, {**wanted, "dry_run": True})
    assert (dry.status_code, dry.json()["total"], sorted(dry.json()["sample"])) == (200, 5, sorted(ids))
    ids = dry.json()["sample"]
    assert {(await bulk.job(id_))["status"] for id_ in ids} == {"DEAD_LETTERED"}
    done = await finished(bulk, await create(bulk, {**wanted, "canary": 2, "rate_per_second": 50}))
    assert (done["status"], done["total"], done["counts"]) == ("COMPLETED", 5, {"ACCEPTED": 5})
    for id_ in ids:
        await bulk.reach(id_, "COMPLETED")
    assert await bulk.said(ids[0], "JOB_RETRY_REQUESTED") == [("key:admin", f"{WHY} (bulk action {done['id']})")]
    items = (await bulk.http.get(f"{BULK}/{done['id']}/items?limit=3")).json()
    assert [(item["job_id"], item["status"]) for item in items["data"]] == [(id_, "ACCEPTED") for id_ in ids[:3]]
    rest = (await bulk.http.get(f"{BULK}/{done['id']}/items?cursor={items['page']['cursor']}")).json()
    assert [item["job_id"] for item in rest["data"]] == ids[3:]
    assert done["id"] in [each["id"] for each in (await bulk.http.get(BULK)).json()["data"]]


async def test_c6_a_canary_that_parks_again_stops_it(bulk: Desk) -> None:
    run = unique()
    always = [{"id": "a", "type": "FAIL", "with": {"code": "STEP.BAD"}}]
    ids = await park(bulk, 4, labels={"run": run}, steps=always)
    done = await finished(bulk, await create(bulk, {"filter": {"labels": {"run": run}}, "canary": 1}))
    assert (done["status"], done["counts"]) == ("STOPPED", {"ACCEPTED": 1, "NOT_SENT": 3})
    assert any(id_ in done["problem"] for id_ in ids)
    assert "parked again" in done["problem"]
    asked = [await bulk.said(id_, "JOB_RETRY_REQUESTED") for id_ in ids]
    assert sorted(map(len, asked)) == [0, 0, 0, 1]


async def park_many(desk: Desk, number: int, run: str) -> list[str]:
    steps = [fail("a"), log("b")]
    ids = await asyncio.gather(*(desk.start(steps, labels={"run": run}) for _ in range(number)))
    for job_id in ids:
        await desk.until_step(job_id, "a", "DEAD_LETTERED")
    gate = asyncio.Semaphore(8)

    async def project(job_id: str) -> None:
        async with gate:
            await desk.api.project(job_id)

    await asyncio.gather(*map(project, ids))
    return list(ids)


async def retries(desk: Desk, job_id: str) -> int:
    """How many retries the job has taken, by its history."""
    taken = 0
    async for event in desk.api.temporal.get_workflow_handle(job_id).fetch_history_events():
        update = event.workflow_execution_update_accepted_event_attributes
        taken += update.accepted_request.input.name == "retry"
    return taken


async def test_c6_many_pages_and_runs_miss_no_job_and_touch_none_that_parks_later(
    bulk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.bulk_action, "PAGE_SECONDS", 0.1)
    monkeypatch.setattr(workflow, "_PAGES", 3)
    run = unique()
    ids = await park_many(bulk, 50, run)
    answer = await create(bulk, {"filter": {"labels": {"run": run}}, "canary": 5})
    late = await park_many(bulk, 2, run)
    done = await finished(bulk, answer)
    assert (done["status"], done["total"], done["counts"]) == ("COMPLETED", 50, {"ACCEPTED": 50})
    for job_id in ids:
        await bulk.reach(job_id, "COMPLETED")
    assert {await retries(bulk, job_id) for job_id in ids} == {1}
    assert {(await bulk.job(job_id))["status"] for job_id in late} == {"DEAD_LETTERED"}
    query = f"WorkflowId = '{bulk_workflow_id(done['id'])}'"

    async def runs() -> bool:
        return (await bulk.api.temporal.count_workflows(query)).count > 2

    await until(runs)


async def test_jobs_that_nobody_answers_for_are_told_and_hold_the_others_up_but_shortly(
    bulk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANSWER", "_SHORT_ANSWER"):
        monkeypatch.setattr(activities.bulk_decision, name, timedelta(seconds=0.2))
    alone = f"alone-{unique()[:8]}"
    async with serving(bulk.api.settings.temporal_address, alone):
        lost = await park(bulk, 5, queue=alone)
    done = await finished(bulk, await create(bulk, {"ids": lost}))
    assert (done["status"], done["counts"]) == ("COMPLETED", {"UNANSWERED": 5})
    items = (await bulk.http.get(f"{BULK}/{done['id']}/items?status=UNANSWERED")).json()["data"]
    assert [item["job_id"] for item in items] == lost
    assert {item["code"] for item in items} == {"API.DECISION_TIMEOUT"}


async def test_a_retry_by_filter_leaves_what_failed_otherwise_parked(bulk: Desk) -> None:
    run = unique()
    steps = [fail("good", depends_on=[]), fail("bad", depends_on=[])]
    steps[1]["with"] = {"code": "STEP.WORSE"}
    (job_id,) = await park(bulk, 1, labels={"run": run}, steps=steps)
    await bulk.until_step(job_id, "bad", "DEAD_LETTERED")
    await bulk.until_step(job_id, "good", "DEAD_LETTERED")
    await bulk.api.project(job_id)
    wanted = {"labels": {"run": run}, "error_code": "STEP.BAD"}
    await finished(bulk, await create(bulk, {"filter": wanted, "canary": 1, "canary_within": "1s"}))
    await bulk.until_step(job_id, "good", "COMPLETED")
    assert (await bulk.steps(job_id))["bad"] == "DEAD_LETTERED"


async def test_skip_and_discard_by_ids_and_a_job_that_moved_on_is_told(bulk: Desk) -> None:
    skipped, moved = await park(bulk, 2)
    await bulk.decide(moved, "/retry", {"reason": "first"})
    await bulk.reach(moved, "COMPLETED")
    body = {"action": "skip", "ids": [skipped, moved], "step": "a", "output": 1}
    done = await finished(bulk, await create(bulk, body))
    assert (done["status"], done["counts"]) == ("COMPLETED", {"ACCEPTED": 1, "REFUSED": 1})
    await bulk.reach(skipped, "COMPLETED")
    refused = (await bulk.http.get(f"{BULK}/{done['id']}/items?status=REFUSED")).json()["data"]
    assert [(item["job_id"], item["code"]) for item in refused] == [(moved, "API.JOB_CLOSED")]
    (given_up,) = await park(bulk, 1)
    await finished(bulk, await create(bulk, {"action": "discard", "ids": [given_up]}))
    assert (await bulk.reach(given_up, "FAILED"))["resolution"] == "DISMISSED"


async def test_the_same_key_is_one_action_and_another_body_is_refused(bulk: Desk) -> None:
    ids = await park(bulk, 1)
    key = unique()
    answers = await asyncio.gather(*(create(bulk, {"ids": ids}, key=key) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await create(bulk, {"ids": ids, "rate_per_second": 1}, key=key)
    assert check_problem(other, 422)["code"] == "API.IDEMPOTENCY_KEY_REUSED"
    await bulk.reach(ids[0], "COMPLETED")


async def test_c6_canaries_that_wait_for_an_hour_hold_up_no_other_action(bulk: Desk) -> None:
    waiting = []
    for _ in range(2):
        ids = await park(bulk, 2, steps=[fail("a"), NAP])
        waiting.append(await create(bulk, {"ids": ids, "canary": 1, "canary_within": "1h"}))

    async def all_wait() -> bool:
        seen = [(await bulk.http.get(answer.headers["location"])).json() for answer in waiting]
        return all(each["counts"].get("ACCEPTED") for each in seen)

    await until(all_wait)
    other = await finished(bulk, await create(bulk, {"ids": await park(bulk, 1)}))
    assert (other["status"], other["counts"]) == ("COMPLETED", {"ACCEPTED": 1})
    for answer in waiting:
        path = answer.headers["location"]
        assert (await bulk.http.get(path)).json()["status"] == "RUNNING"
        await bulk.http.post(f"{path}/abort", json={"reason": "enough"})
        done = await finished(bulk, answer)
        assert (done["status"], done["counts"]) == ("ABORTED", {"ACCEPTED": 1, "NOT_SENT": 1})


async def test_an_abort_leaves_the_rest_alone(bulk: Desk) -> None:
    ids = await park(bulk, 8)
    answer = await create(bulk, {"ids": ids, "rate_per_second": 0.4})
    assert answer.status_code == 202, answer.text
    path = answer.headers["location"]

    async def begun() -> bool:
        return bool((await bulk.http.get(path)).json()["counts"].get("ACCEPTED"))

    await until(begun)
    assert (await bulk.http.post(f"{path}/abort", json={"reason": "wrong"})).status_code == 202
    done = await finished(bulk, answer)
    assert done["status"] == "ABORTED"
    assert "wrong" in done["problem"]
    assert done["counts"]["NOT_SENT"] >= 1
    assert (await bulk.job(ids[-1]))["status"] == "DEAD_LETTERED"
    check_problem(await bulk.http.post(f"{path}/abort", json={"reason": "again"}), 409)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "$"),
        ({"filter": {}}, "$.filter"),
        ({"filter": {"nope": 1}}, "$.filter.nope"),
        ({"ids": []}, "$.ids"),
        ({"ids": ["default:there-is-none"]}, "$.ids[0]"),
        ({"ids": ["x", "y", "x"]}, "$.ids[2]"),
        ({"ids": [f"a:{number}" for number in range(100_001)]}, "$.ids"),
        ({"filter": {"older_than": "2h", "younger_than": "1h"}}, "$.filter.younger_than"),
        ({"filter": {"labels": {}}}, "$.filter.labels"),
        ({"filter": {"error_code": "STEP.NEVER"}}, "$.filter"),
        ({"filter": {"q": "!!"}}, "$.filter.q"),
        ({"filter": {"step": "a"}, "ids": ["x"]}, "$"),
        ({"filter": {"step": "a"}, "reason": " "}, "$.reason"),
        ({"filter": {"step": "a"}, "rate_per_second": 0}, "$.rate_per_second"),
        ({"filter": {"step": "a"}, "rate_per_second": -1}, "$.rate_per_second"),
        ({"filter": {"step": "a"}, "rate_per_second": 1_000_000_000}, "$.rate_per_second"),
        ({"filter": {"step": "a"}, "reason": "x" * 1_901}, "$.reason"),
        ({"filter": {"step": "a"}, "canary": 0}, "$.canary"),
        ({"filter": {"step": "a"}, "output": 1}, "$"),
        ({"filter": {"step": "a"}, "action": "skip"}, "$"),
        ({"filter": {"step": "a"}, "action": "explode"}, "$.action"),
        ({"filter": {"step": "a"}, "action": "discard", "force": True}, "$"),
    ],
)
async def test_what_cannot_be_meant_is_told_and_nothing_is_made(bulk: Desk, body: dict[str, Any], place: str) -> None:
    before = len((await bulk.http.get(f"{BULK}?limit=200")).json()["data"])
    problem = check_problem(await create(bulk, body), 422)
    assert problem["errors"][0]["path"] == place
    assert len((await bulk.http.get(f"{BULK}?limit=200")).json()["data"]) == before


async def test_a_canary_of_more_than_there_is_and_jobs_that_are_not_parked_are_told_before_anything_is_done(
    bulk: Desk,
) -> None:
    (parked,) = await park(bulk, 1)
    moved = await bulk.start([log("a")])
    await bulk.reach(moved, "COMPLETED")
    await bulk.api.project(moved)
    for dry_run in (True, False):
        answer = await create(bulk, {"ids": [parked, moved], "canary": 3, "dry_run": dry_run})
        assert check_problem(answer, 422)["errors"][0]["path"] == "$.canary"
    dry = (await create(bulk, {"ids": [parked, moved], "canary": 2, "dry_run": True})).json()
    assert (dry["total"], dry["not_parked"]) == (2, 1)
    assert (await bulk.job(parked))["status"] == "DEAD_LETTERED"


async def test_another_tenants_jobs_and_actions_do_not_exist(bulk: Desk) -> None:
    (job_id,) = await park(bulk, 1)
    answer = await create(bulk, {"ids": [job_id]})
    stranger = bulk.api.client(await bulk.api.key("stranger", "admin"))
    body = {"action": "retry", "reason": WHY}
    problem = check_problem(await stranger.post(BULK, json={**body, "ids": [job_id]}), 422)
    assert problem["errors"][0]["message"] == "there is no such job"
    check_problem(await stranger.post(BULK, json={**body, "filter": {"step": "a"}}), 422)
    for path in (answer.headers["location"], f"{answer.headers['location']}/items"):
        check_problem(await stranger.get(path), 404)
    assert (await stranger.get(BULK)).json()["data"] == []


async def test_what_a_key_of_all_tenants_did_is_seen_by_a_tenant_in_its_jobs_alone(bulk: Desk) -> None:
    (job_id,) = await park(bulk, 1)
    done = await finished(bulk, await create(bulk, {"ids": [job_id]}))
    await bulk.reach(job_id, "COMPLETED")
    await bulk.api.project(job_id)
    own = bulk.api.client(await bulk.api.key("default", "admin"))
    check_problem(await own.get(done["links"]["self"]), 404)
    check_problem(await own.post(f"{done['links']['self']}/abort", json={"reason": "no"}), 404)
    assert done["id"] not in (await own.get(f"{BULK}?limit=200")).text
    assert (await own.get(done["links"]["audit"])).json()["data"] == []
    rows = (await own.get(f"/v1/jobs/{job_id}/journal?limit=200")).json()["data"]
    said = [(row["actor"], row["data"]["reason"]) for row in rows if row["type"] == "JOB_RETRY_REQUESTED"]
    assert said == [("key:admin", f"{WHY} (bulk action {done['id']})")]


async def test_more_than_a_thousand_jobs_are_for_admins(bulk: Desk) -> None:
    run = unique()
    step = StepRecord(id="a", type="FAIL", position=0, status=StepStatus.DEAD_LETTERED, error=broken())
    parked = [
        job(f"many:{run}-{number}", tenant="many", labels={"run": run}, status=JobStatus.DEAD_LETTERED, steps=[step])
        for number in range(1_001)
    ]
    await write(bulk.api.engine, [projection(record) for record in parked])
    body: dict[str, Any] = {"action": "retry", "reason": WHY, "filter": {"labels": {"run": run}}, "dry_run": True}
    operator = bulk.api.client(await bulk.api.key("many", "operator"))
    problem = check_problem(await operator.post(BULK, json=body), 403)
    assert "more than 1000 at once need the role admin" in problem["detail"]
    admin = bulk.api.client(await bulk.api.key("many", "admin"))
    assert (await admin.post(BULK, json=body)).json()["total"] == 1_001
    body["filter"]["queue"] = "another"
    check_problem(await operator.post(BULK, json={**body, "dry_run": False}), 422)


async def test_without_temporal_nothing_is_left_that_would_start_later(api_postgres: PostgresServer) -> None:
    database = api_postgres.create_database("bulk_alone")
    async with running_api(database.model_copy(update={"temporal_address": "127.0.0.1:1"})) as api:
        http = api.client(api.admin)
        record = job("default:p", status=JobStatus.DEAD_LETTERED)
        step = record.steps[0].model_copy(update={"status": StepStatus.DEAD_LETTERED, "error": broken()})
        await write(api.engine, [projection(record.model_copy(update={"steps": [step]}))])
        body = {"action": "retry", "reason": WHY, "ids": ["default:p"]}
        assert (await http.post(BULK, json=body)).status_code == 503
        assert [each["status"] for each in (await http.get(BULK)).json()["data"]] == ["ABORTED"]
