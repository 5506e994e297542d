"""C6: a bulk action is an entry of the audit, its end another, and one decision in the journal of each of its jobs."""

import asyncio
from typing import Any

from activities.bulk_action import BulkActivities
from perdure.contract.bulk import BulkFinish, BulkStatus
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.writer import write
from tests.integration.api.bulk_desk import BULK, WHY, bulk, create, park
from tests.integration.api.desk import Desk
from tests.integration.api.stack import Api, running_api, unique, until
from tests.integration.api.test_audit import a_disk_that_fails
from tests.integration.api.test_bad_input import check_problem
from tests.integration.store.sample import broken, job, projection
from tests.integration.store.server import PostgresServer

__all__ = ["bulk"]


async def entries(desk: Desk, action: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What the link of the action leads to, once that are so many."""

    async def there() -> list[dict[str, Any]] | None:
        seen: list[dict[str, Any]] = (await desk.http.get(action["links"]["audit"])).json()["data"]
        return seen if len(seen) >= number else None

    found: list[dict[str, Any]] = await until(there)
    assert len(found) == number
    return found


async def test_c6_an_action_posted_twice_is_one_entry_and_one_decision_of_each_job(bulk: Desk) -> None:
    run = unique()
    ids = await park(bulk, 3, labels={"run": run})
    body = {"action": "retry", "reason": WHY, "filter": {"labels": {"run": run}}, "rate_per_second": 50}
    assert (await bulk.http.post(BULK, json={**body, "dry_run": True})).status_code == 200
    headers = {"Idempotency-Key": f"k-{run}"}
    answers = await asyncio.gather(*(bulk.http.post(BULK, json=body, headers=headers) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 202]
    action = answers[0].json()
    assert action["links"]["self"] == f"{BULK}/{action['id']}"

    async def ended() -> dict[str, Any] | None:
        seen: dict[str, Any] = (await bulk.http.get(action["links"]["self"])).json()
        return seen if seen["finished_at"] else None

    done = await until(ended)
    assert (done["status"], done["counts"]) == ("COMPLETED", {"ACCEPTED": 3})
    assert (await bulk.http.post(BULK, json=body, headers=headers)).status_code == 200
    over, entry = await entries(bulk, action, 2)
    who = ("key:admin", WHY, "*")
    assert (over["type"], over["actor"], over["reason"], over["tenant"]) == ("BULK_ACTION_ENDED", *who)
    assert over["data"] == {"action": "retry", "status": "COMPLETED", "jobs": 3, "counts": {"ACCEPTED": 3}}
    assert (entry["type"], entry["actor"], entry["reason"], entry["tenant"]) == (
        "BULK_ACTION_STARTED",
        "key:admin",
        WHY,
        "*",
    )
    assert entry["data"] == {
        "action": "retry",
        "jobs": 3,
        "filter": {"labels": {"run": run}},
        "step": None,
        "force": False,
        "rate_per_second": 50.0,
        "canary": None,
    }
    for job_id in ids:
        await bulk.reach(job_id, "COMPLETED")
        said = await bulk.said(job_id, "JOB_RETRY_REQUESTED")
        assert said == [("key:admin", f"{WHY} (bulk action {action['id']})")]


async def written(api: Api, run: str) -> str:
    """The row of a parked job that no worker has."""
    record = job(f"default:{run}", status=JobStatus.DEAD_LETTERED)
    step = record.steps[0].model_copy(update={"status": StepStatus.DEAD_LETTERED, "error": broken()})
    await write(api.engine, [projection(record.model_copy(update={"steps": [step]}))])
    return record.id


async def test_c6_what_was_only_tried_is_no_entry_and_an_abort_is_one_more(api: Api) -> None:
    run = unique()
    admin = Desk(api, api.client(await api.key(name=f"admin-{run}")), "nobody")
    body = {"action": "skip", "reason": WHY, "ids": [await written(api, run)], "step": "a", "output": "canary-bulk"}
    check_problem(await admin.http.post(BULK, json={**body, "ids": ["default:none"]}), 422)
    assert (await admin.http.post(BULK, json={**body, "dry_run": True})).status_code == 200
    mine = f"/v1/audit?actor=key:admin-{run}"
    assert (await admin.http.get(mine)).json()["data"] == []
    action = (await admin.http.post(BULK, json=body)).json()
    assert (await admin.http.post(f"{BULK}/{action['id']}/abort", json={"reason": "wrong one"})).status_code == 202
    aborted, started = await entries(admin, action, 2)
    assert (await admin.http.get(mine)).json()["data"] == [aborted, started]
    assert (started["type"], started["reason"], started["data"]["step"]) == ("BULK_ACTION_STARTED", WHY, "a")
    assert (aborted["type"], aborted["reason"]) == ("BULK_ACTION_ABORTED", "wrong one")
    assert "canary-bulk" not in str([started, aborted])


async def test_c6_an_action_that_could_not_be_started_is_told_with_its_end(api_postgres: PostgresServer) -> None:
    database = api_postgres.create_database("audit_alone")
    async with running_api(database.model_copy(update={"temporal_address": "127.0.0.1:1"})) as api:
        admin = Desk(api, api.client(await api.key(name="admin")), "nobody")
        body = {"action": "retry", "reason": WHY, "ids": [await written(api, unique())]}
        assert (await admin.http.post(BULK, json=body)).status_code == 503
        (action,) = (await admin.http.get(BULK)).json()["data"]
        ended, aborted, started = await entries(admin, action, 3)
        assert (started["type"], started["reason"]) == ("BULK_ACTION_STARTED", WHY)
        assert (aborted["type"], aborted["reason"]) == ("BULK_ACTION_ABORTED", action["problem"])
        assert ended["type"] == "BULK_ACTION_ENDED"
        assert ended["data"] == {"action": "retry", "status": "ABORTED", "jobs": 1, "counts": {"NOT_SENT": 1}}


async def slow(desk: Desk) -> dict[str, Any]:
    """An action that has begun, and would take minutes."""
    answer = await create(desk, {"ids": await park(desk, 8), "rate_per_second": 0.1})
    action: dict[str, Any] = answer.json()
    return action


async def test_aborted_by_many_at_once_it_is_one_entry_and_its_end_another(bulk: Desk) -> None:
    action = await slow(bulk)
    path = f"{action['links']['self']}/abort"
    answers = await asyncio.gather(*(bulk.http.post(path, json={"reason": f"wrong {n}"}) for n in range(6)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert 202 in {answer.status_code for answer in answers}
    over, aborted, _ = await entries(bulk, action, 3)
    assert (over["type"], aborted["type"]) == ("BULK_ACTION_ENDED", "BULK_ACTION_ABORTED")
    done = (await bulk.http.get(action["links"]["self"])).json()
    assert (over["data"]["status"], over["data"]["counts"]) == ("ABORTED", done["counts"])
    assert sum(done["counts"].values()) == over["data"]["jobs"] == 8


async def test_an_abort_that_cannot_be_entered_now_is_taken_and_entered_later(bulk: Desk) -> None:
    action = await slow(bulk)
    async with a_disk_that_fails(bulk.api):
        answer = await bulk.http.post(f"{action['links']['self']}/abort", json={"reason": "wrong"})
        assert answer.status_code == 202, answer.text
    over, aborted, _ = await entries(bulk, action, 3)
    assert (over["data"]["status"], aborted["type"]) == ("ABORTED", "BULK_ACTION_ABORTED")


async def test_what_its_canary_stopped_is_told_so(bulk: Desk) -> None:
    always = [{"id": "a", "type": "FAIL", "with": {"code": "STEP.BAD"}}]
    ids = await park(bulk, 2, steps=always)
    action = (await create(bulk, {"ids": ids, "canary": 1})).json()
    over, _ = await entries(bulk, action, 2)
    assert over["data"] == {
        "action": "retry",
        "status": "STOPPED",
        "jobs": 2,
        "counts": {"ACCEPTED": 1, "NOT_SENT": 1},
    }


async def test_ended_again_by_an_activity_that_is_repeated_it_is_one_entry(bulk: Desk) -> None:
    action = (await create(bulk, {"ids": await park(bulk, 1)})).json()
    await entries(bulk, action, 2)
    finish = BulkActivities(bulk.api.engine, bulk.api.temporal).finish
    await finish(BulkFinish(id=action["id"], status=BulkStatus.ABORTED, problem="again"))
    over, _ = await entries(bulk, action, 2)
    assert over["data"]["status"] == "COMPLETED"
