"""Every decision alike: unknown, foreign and closed jobs, wrong roles, malformed bodies, no worker."""

from typing import Any

import pytest

from tests.integration.api.desk import NAP, PARKED, WAIT, Desk
from tests.integration.api.stack import serving, unique
from tests.integration.api.test_bad_input import check_problem

WHY = {"reason": "x"}
BODIES: dict[str, dict[str, Any]] = {
    "cancel": WHY,
    "terminate": WHY,
    "pause": WHY,
    "resume": WHY,
    "retry": WHY,
    "deliver": {"name": "go", "payload": {"n": 1}},
    "approve": {"decision": "approve"},
    "resubmit": WHY,
    "/retry": WHY,
    "/skip": {**WHY, "step": "a", "output": None},
    "/discard": WHY,
}
UPDATES = [verb for verb in BODIES if verb not in ("cancel", "terminate", "resubmit")]


@pytest.mark.parametrize("verb", BODIES)
@pytest.mark.parametrize("job_id", ["default:{}", "default:{}~child", "nonsense", "other-tenant:{}"])
async def test_an_unknown_job_is_404(desk: Desk, verb: str, job_id: str) -> None:
    problem = check_problem(await desk.decide(job_id.format(unique()), verb, BODIES[verb]), 404)
    assert problem["code"] == "API.NOT_FOUND"


@pytest.mark.parametrize("verb", BODIES)
async def test_another_tenants_job_is_404_and_stays_as_it_is(desk: Desk, verb: str) -> None:
    job_id = await desk.started([NAP], "WAITING", id_=f"acme:{unique()}")
    stranger = desk.api.client(await desk.api.key("elsewhere", "admin"))
    absent = check_problem(await desk.decide(f"acme:{unique()}", verb, BODIES[verb], by=stranger), 404)
    problem = check_problem(await desk.decide(job_id, verb, BODIES[verb], by=stranger), 404)
    assert [problem[name] for name in ("code", "title", "detail")] == [
        absent[name] for name in ("code", "title", "detail")
    ]
    assert (await desk.job(job_id))["status"] == "WAITING"
    await desk.decide(job_id, "terminate")


@pytest.mark.parametrize("verb", [verb for verb in BODIES if verb != "resubmit"])
async def test_a_closed_job_is_409_with_its_status(desk: Desk, verb: str) -> None:
    job_id = await desk.started([{"id": "a", "type": "LOG", "with": {"message": "x"}}], "COMPLETED")
    problem = check_problem(await desk.decide(job_id, verb, BODIES[verb]), 409)
    assert (problem["code"], "COMPLETED" in problem["detail"]) == ("API.JOB_CLOSED", True)


@pytest.mark.parametrize("verb", ["retry", "/retry", "/skip", "/discard"])
async def test_a_job_that_is_not_parked_is_409_with_its_status(desk: Desk, verb: str) -> None:
    job_id = await desk.started([NAP], "WAITING")
    problem = check_problem(await desk.decide(job_id, verb, {**BODIES[verb]}), 409)
    assert (problem["code"], "WAITING" in problem["detail"]) == ("API.JOB_NOT_PARKED", True)
    await desk.decide(job_id, "terminate")


@pytest.mark.parametrize(("verb", "code"), [("deliver", "NOTHING_WAITS"), ("approve", "NOTHING_WAITS"),
                                            ("resume", "JOB_NOT_PAUSED"), ("resubmit", "JOB_OPEN")])  # fmt: skip
async def test_what_the_job_is_not_ready_for_is_409(desk: Desk, verb: str, code: str) -> None:
    job_id = await desk.started([NAP], "WAITING")
    problem = check_problem(await desk.decide(job_id, verb, BODIES[verb]), 409)
    assert (problem["code"], "WAITING" in problem["detail"]) == (f"API.{code}", True)
    await desk.decide(job_id, "terminate")


@pytest.mark.parametrize("verb", BODIES)
async def test_a_malformed_body_is_told_with_its_place_and_decides_nothing(desk: Desk, verb: str) -> None:
    job_id = await desk.started(PARKED, "DEAD_LETTERED")
    for body, place in (({"actor": "me", **BODIES[verb]}, "$.actor"), ([], "$"), ({"reason": 1}, "$.reason")):
        problem = check_problem(await desk.decide(job_id, verb, body), 422)
        assert place in [item["path"] for item in problem["errors"]]
    path = f"/v1/dead-letters/{job_id}{verb}" if verb[0] == "/" else f"/v1/jobs/{job_id}/{verb}"
    json_body = {"Content-Type": "application/json"}
    check_problem(await desk.http.post(path, content=b'{"reason": "x",}', headers=json_body), 400)
    check_problem(await desk.http.post(path, content=b'{"reason": "a", "reason": "b"}', headers=json_body), 400)
    check_problem(await desk.http.post(path, content=b"reason=x"), 415)
    check_problem(await desk.http.post(f"{path}?force=true", json=BODIES[verb]), 422)
    check_problem(await desk.http.get(path), 405)
    assert (await desk.job(job_id))["status"] == "DEAD_LETTERED"
    await desk.decide(job_id, "terminate")


@pytest.mark.parametrize("verb", UPDATES)
async def test_a_malformed_key_is_refused(hasty: Desk, verb: str) -> None:
    job_id = await hasty.start([NAP])
    problem = check_problem(await hasty.decide(job_id, verb, BODIES[verb], key="a b"), 422)
    assert problem["errors"][0]["path"] == "header.Idempotency-Key"
    await hasty.decide(job_id, "terminate")


@pytest.mark.parametrize("verb", UPDATES)
async def test_without_a_worker_it_is_504_and_says_so(hasty: Desk, verb: str) -> None:
    job_id = await hasty.start([NAP])
    answer = await hasty.decide(job_id, verb, BODIES[verb])
    assert (answer.status_code, answer.json()["code"]) == (504, "API.DECISION_TIMEOUT")
    assert "may still take effect" in answer.json()["detail"]
    await hasty.decide(job_id, "terminate")


async def test_terminate_needs_no_worker(hasty: Desk) -> None:
    job_id = await hasty.start([NAP])
    answer = await hasty.decide(job_id, "terminate", {"reason": "enough"})
    assert (answer.status_code, answer.json()["job"]["status"]) == (202, "TERMINATED")


async def test_terminate_says_who_and_why(desk: Desk) -> None:
    job_id = await desk.started([WAIT], "WAITING")
    admin = desk.api.client(await desk.api.key(name="boss"))
    answer = await desk.decide(job_id, "terminate", {"reason": "out of hand"}, by=admin)
    assert answer.status_code == 202, answer.text
    assert await desk.said(job_id, "JOB_TERMINATED") == [("key:boss", "out of hand")]
    assert "key:boss" in (await desk.job(job_id))["status_reason"]


async def test_terminate_is_for_admins(desk: Desk) -> None:
    job_id = await desk.started([WAIT], "WAITING")
    operator = desk.api.client(await desk.api.key("*", "operator"))
    problem = check_problem(await desk.decide(job_id, "terminate", by=operator), 403)
    assert (problem["code"], "admin" in problem["detail"]) == ("API.FORBIDDEN", True)
    assert (await desk.job(job_id))["status"] == "WAITING"
    await desk.decide(job_id, "terminate")


async def test_a_decision_that_came_before_its_worker_takes_effect_later(hasty: Desk, temporal_address: str) -> None:
    queue = f"t{unique()[:12]}"
    job_id = await hasty.start([WAIT], queue=queue)
    for _ in range(2):
        assert (await hasty.decide(job_id, "deliver", {"name": "go", "payload": "late"})).status_code == 504
    async with serving(temporal_address, queue):
        job = await hasty.reach(job_id, "COMPLETED")
    assert job["output"] == {"w": "late"}
