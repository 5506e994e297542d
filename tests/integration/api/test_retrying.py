"""Jobs that fail but live: the next attempt now, or none any more; what does not wait for one is told so."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.integration.activities.operator_cli import on_activity, temporal
from tests.integration.api.desk import NAP, PARKED, Desk
from tests.integration.api.stack import until
from tests.integration.api.test_bad_input import check_problem
from tests.server.partner import Partner

WHY = {"reason": "the partner is back"}
ACTOR = ("key:admin", WHY["reason"])


def failing(id_: str = "a", times: int | None = None, **fields: Any) -> dict[str, Any]:
    """A step that fails, and would wait for a minute."""
    with_: dict[str, Any] = {"class": "TRANSIENT", "code": "STEP.BAD"} | ({} if times is None else {"times": times})
    retry = {"initial_interval": "60s", "maximum_attempts": 5, "jitter": 0}
    return {"id": id_, "type": "FAIL", "with": with_, "retry": retry, **fields}


async def waiting(desk: Desk, steps: list[dict[str, Any]]) -> str:
    job_id = await desk.start(steps)
    await desk.reach(job_id, "RETRYING")
    return job_id


async def has_moved(desk: Desk, job_id: str, made: int) -> bool:
    """Whether more attempts than those have failed, and none runs."""
    job = await desk.job(job_id)
    failed = [attempt for attempt in job["steps"][0]["attempts"] if attempt["outcome"] == "FAILED"]
    return job["status"] == "COMPLETED" or (job["status"] == "RETRYING" and len(failed) > made)


async def test_now_begins_the_next_attempt_and_counts_it_as_ever(desk: Desk) -> None:
    job_id = await waiting(desk, [failing(times=2)])
    for made in (1, 2):
        answer = await desk.http.post(f"/v1/retrying/{job_id}/now", json=WHY)
        assert (answer.status_code, answer.json()["steps"]) == (202, ["a"]), answer.text

        await until(partial(has_moved, desk, job_id, made))
    job = await desk.reach(job_id, "COMPLETED")
    attempts = job["steps"][0]["attempts"]
    assert [(attempt["attempt"], attempt["outcome"]) for attempt in attempts] == [
        (1, "FAILED"),
        (2, "FAILED"),
        (3, "COMPLETED"),
    ]
    assert await desk.said(job_id, "STEP_ATTEMPTED_NOW") == [ACTOR, ACTOR]


async def test_giving_up_parks_the_step_at_once_with_its_attempts(desk: Desk) -> None:
    job_id = await waiting(desk, [failing("a", depends_on=[]), failing("b", depends_on=[])])

    async def both() -> bool:
        return all(step["status"] == "RETRYING" for step in (await desk.job(job_id))["steps"])

    await until(both)
    answer = await desk.http.post(f"/v1/retrying/{job_id}/give-up", json={**WHY, "steps": ["a"]})
    assert answer.status_code == 202, answer.text
    job = await desk.reach(job_id, "DEAD_LETTERED")
    first, second = job["steps"]
    assert (first["status"], first["error"]["code"], first["attempt_count"]) == (
        "DEAD_LETTERED",
        "STEP.TOTAL_TIMEOUT",
        1,
    )
    assert first["error"]["message"] == "it was given up: no further attempt is made"
    assert second["status"] == "RETRYING"
    assert await desk.said(job_id, "STEP_GIVEN_UP") == [ACTOR]
    rows = [(row["type"], row["step_id"]) for row in await desk.journal(job_id)]
    assert rows.index(("STEP_GIVEN_UP", "a")) < rows.index(("STEP_PARKED", "a"))
    assert (await desk.decide(job_id, "/retry", {**WHY, "steps": ["a"]})).status_code == 202


@pytest.mark.parametrize("verb", ["now", "give-up"])
async def test_what_does_not_wait_for_an_attempt_is_refused(desk: Desk, verb: str) -> None:
    retrying = await waiting(desk, [failing("a", depends_on=[]), {**NAP, "depends_on": []}])
    parked = await desk.started(PARKED, "DEAD_LETTERED")
    path = "/v1/retrying/{}/" + verb
    for job_id, step in ((retrying, "nap"), (retrying, "zz"), (parked, "a")):
        problem = check_problem(await desk.http.post(path.format(job_id), json={**WHY, "steps": [step]}), 409)
        assert (problem["code"], problem["errors"][0]["path"]) == ("API.STEP_NOT_RETRYING", "$.steps[0]")
    done = await desk.started([{"id": "l", "type": "LOG", "with": {"message": "x"}}], "COMPLETED")
    problem = check_problem(await desk.http.post(path.format(done), json={**WHY, "steps": ["l"]}), 409)
    assert problem["code"] == "API.JOB_CLOSED"
    check_problem(await desk.http.post(path.format(retrying), json={"reason": " ", "steps": ["a"]}), 422)
    check_problem(await desk.http.post(path.format("default:none"), json={**WHY, "steps": ["a"]}), 404)


async def test_items_and_compensations_are_hurried_and_given_up_too(desk: Desk) -> None:
    undo = {"type": "FAIL", "with": {"class": "TRANSIENT", "times": 1}, "retry": failing()["retry"]}
    first = {"id": "first", "type": "COMPUTE", "with": {"expression": "1"}, "compensate": undo}
    job_id = await waiting(desk, [first, failing("each", for_each={"items": "${ [1, 2] }"})])

    async def tried() -> bool:
        await desk.api.observe(job_id)
        rows = (await desk.http.get("/v1/retrying?limit=200")).json()["data"]
        return any(row["id"] == job_id and len(row["retrying"]) == 2 for row in rows)

    await until(tried)
    path = f"/v1/retrying/{job_id}/"
    answer = await desk.http.post(path + "give-up", json={**WHY, "steps": ["each.1"]})
    assert (answer.status_code, answer.json()["steps"]) == (202, ["each.1"]), answer.text
    await desk.reach(job_id, "DEAD_LETTERED")
    assert (await desk.decide(job_id, "/discard", WHY)).status_code == 202

    async def undone() -> bool:
        answer = await desk.http.post(path + "now", json=WHY)
        return answer.status_code == 202 and bool(answer.json()["steps"] == ["first.compensate"])

    await until(undone)
    await desk.reach(job_id, "FAILED")
    told = [row for row in await desk.journal(job_id) if row["type"] in ("STEP_ATTEMPTED_NOW", "STEP_GIVEN_UP")]
    assert [(row["step_id"], row["data"].get("item"), row["data"].get("compensation")) for row in told] == [
        ("each", 1, None),
        ("first", None, True),
    ]


async def test_the_temporal_cli_gives_up_by_an_update_that_says_who(desk: Desk, temporal_address: str) -> None:
    job_id = await waiting(desk, [failing()])
    update = ("workflow", "update", "execute", "--workflow-id", job_id, "--name")
    await temporal(temporal_address, *update, "give_up", "--input", '{"steps": ["a"], "reason": "gone"}')
    await desk.reach(job_id, "DEAD_LETTERED")
    ((actor, reason),) = await desk.said(job_id, "STEP_GIVEN_UP")
    assert ("temporal-cli" in actor, reason) == (True, "gone")
    for name, given in (("retry_now", '{"steps": ["a"]}'), ("give_up", '{"steps": ["zz"]}'), ("give_up", "{}")):
        with pytest.raises(AssertionError, match="API\\."):
            await temporal(temporal_address, *update, name, "--input", given)


async def test_given_up_an_attempt_that_has_begun_meanwhile_is_not_cut_off_but_the_last(
    desk: Desk, partner: Partner
) -> None:
    partner.answers["/slow"] = [500]
    partner.delays["/slow"] = 3
    with_ = {"url": f"{partner.url}/slow"}
    retry = {"initial_interval": "20ms", "maximum_attempts": 9}
    job_id = await desk.start([{"id": "a", "type": "HTTP_CALL", "with": with_, "retry": retry}])

    async def runs() -> bool:
        return partner.calls["/slow"] == 1

    await until(runs)
    await desk.api.temporal.get_workflow_handle(job_id).execute_update("give_up", {"steps": ["a"]})
    job = await desk.reach(job_id, "DEAD_LETTERED")
    assert (job["error"]["code"], job["steps"][0]["attempt_count"]) == ("STEP.HTTP.5XX", 1)
    assert partner.calls["/slow"] == 1


@pytest.mark.parametrize(("reason", "count"), [("attempt it now", 2), ("let me look", 1)])
async def test_a_worker_killed_in_between_leaves_no_step_paused_and_a_persons_pause_stays(
    desk: Desk, temporal_address: str, reason: str, count: int
) -> None:
    job_id = await waiting(desk, [failing()])
    await on_activity(temporal_address, "pause", job_id, "--reason", reason, activity_id="a")
    await desk.api.temporal.get_workflow_handle(job_id).execute_update("retry_now", {"steps": ["a"]})

    async def settled() -> bool:
        step = (await desk.job(job_id))["steps"][0]
        return bool(step["attempt_count"] == count and step["paused"] is (count == 1))

    await until(settled)


async def is_held(desk: Desk, job_id: str, steps: int) -> bool:
    """Whether so many steps are held by the job's pause, and the time of their next attempts has come."""
    held = [step for step in (await desk.job(job_id))["steps"] if step["paused"]]
    due = [attempt["next_retry_at"] for step in held for attempt in step["attempts"]]
    return len(held) == steps and all(at < datetime.now(UTC).isoformat() for at in due)


@pytest.mark.parametrize("interval", ["60s", "2s"])
async def test_in_a_paused_job_it_is_given_up_without_another_attempt_also_when_that_is_due(
    desk: Desk, partner: Partner, interval: str
) -> None:
    late = {"initial_interval": interval, "maximum_attempts": 5, "jitter": 0}
    partner.answers["/away"] = [500]
    call = {"type": "HTTP_CALL", "with": {"url": f"{partner.url}/away"}, "retry": late, "depends_on": []}
    job_id = await desk.start([{"id": "a", **call}, {"id": "each", "for_each": {"items": "${ [1, 2] }"}, **call}])

    async def tried() -> bool:
        return partner.calls["/away"] == 3

    await until(tried)
    assert (await desk.decide(job_id, "pause", WHY)).status_code == 202
    if interval == "2s":
        await until(partial(is_held, desk, job_id, 2))
    answer = await desk.http.post(f"/v1/retrying/{job_id}/give-up", json={**WHY, "steps": ["a", "each.1"]})
    assert (answer.status_code, answer.json()["steps"]) == (202, ["a", "each.1"]), answer.text

    async def parked() -> bool:
        return set((await desk.steps(job_id)).values()) == {"DEAD_LETTERED"}

    await until(parked)
    job = await desk.job(job_id)
    assert (job["status"], job["steps"][0]["error"]["code"]) == ("PAUSED", "STEP.TOTAL_TIMEOUT")
    assert (job["steps"][0]["attempt_count"], partner.calls["/away"]) == (1, 3)
    assert await desk.said(job_id, "STEP_GIVEN_UP") == [ACTOR, ACTOR]
    assert (await desk.decide(job_id, "resume", WHY)).status_code == 202
    await desk.reach(job_id, "DEAD_LETTERED")


async def test_what_a_person_paused_is_not_given_up(desk: Desk, temporal_address: str) -> None:
    job_id = await waiting(desk, [failing()])
    await on_activity(temporal_address, "pause", job_id, "--reason", "let me look", activity_id="a")
    assert (await desk.decide(job_id, "pause", WHY)).status_code == 202
    problem = check_problem(await desk.http.post(f"/v1/retrying/{job_id}/give-up", json={**WHY, "steps": ["a"]}), 409)
    assert problem["code"] == "API.STEP_NOT_RETRYING"
    assert "unpause the activity" in problem["detail"]


async def test_an_attempt_that_runs_in_a_paused_job_is_not_cut_off_but_the_last(desk: Desk, partner: Partner) -> None:
    partner.answers["/slow"] = [500]
    partner.delays["/slow"] = 3
    retry = {"initial_interval": "20ms", "maximum_attempts": 9}
    job_id = await desk.start(
        [{"id": "a", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/slow"}, "retry": retry}]
    )

    async def runs() -> bool:
        return partner.calls["/slow"] == 1

    await until(runs)
    assert (await desk.decide(job_id, "pause", WHY)).status_code == 202
    await desk.api.temporal.get_workflow_handle(job_id).execute_update("give_up", {"steps": ["a"]})
    await desk.until_step(job_id, "a", "DEAD_LETTERED")
    assert (await desk.decide(job_id, "resume", WHY)).status_code == 202
    job = await desk.reach(job_id, "DEAD_LETTERED")
    assert (job["error"]["code"], job["steps"][0]["attempt_count"]) == ("STEP.HTTP.5XX", 1)
    assert partner.calls["/slow"] == 1


async def test_a_paused_job_is_not_hurried(desk: Desk) -> None:
    job_id = await waiting(desk, [failing()])
    assert (await desk.decide(job_id, "pause", WHY)).status_code == 202

    async def held() -> bool:
        return bool((await desk.job(job_id))["steps"][0]["paused"])

    await until(held)
    for steps in (["a"], None):
        body = WHY if steps is None else {**WHY, "steps": steps}
        problem = check_problem(await desk.http.post(f"/v1/retrying/{job_id}/now", json=body), 409)
        assert problem["code"] == "API.STEP_NOT_RETRYING"


async def test_the_list_tells_attempt_next_retry_and_error(desk: Desk) -> None:
    job_id = await waiting(desk, [failing()])
    await desk.api.observe(job_id)
    answer = await desk.http.get("/v1/retrying?error_code=STEP.BAD&limit=200")
    row = next(row for row in answer.json()["data"] if row["id"] == job_id)
    (unit,) = row["retrying"]
    assert (unit["unit"], unit["attempt"], unit["error"]["code"], unit["paused"]) == ("a", 2, "STEP.BAD", False)
    assert unit["next_retry_at"] > unit["observed_at"]
    assert unit["runbook"] == "deploy/runbooks/step-transient.md"
    parked = await desk.started(PARKED, "DEAD_LETTERED")
    await desk.api.project(parked)
    assert parked not in [row["id"] for row in (await desk.http.get("/v1/retrying?limit=200")).json()["data"]]
    check_problem(await desk.http.get("/v1/retrying?nope=1"), 422)
