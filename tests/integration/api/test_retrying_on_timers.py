"""What the workflow itself repeats waits on its own timers: listed, hurried and given up as what Temporal repeats."""

import asyncio
from functools import partial
from typing import Any

import pytest

from tests.integration.activities.operator_cli import temporal
from tests.integration.api.desk import Desk
from tests.integration.api.stack import until
from tests.integration.api.test_bad_input import check_problem
from tests.integration.api.test_retrying import ACTOR, WHY, has_moved
from tests.server.partner import Partner

LATE = {"initial_interval": "1h", "maximum_interval": "2h", "maximum_attempts": 5, "jitter": 0}


def once(id_: str = "pay", times: int | None = None, **fields: Any) -> dict[str, Any]:
    """A step that is repeated by the workflow: its attempts surely take no effect."""
    with_: dict[str, Any] = {"class": "TRANSIENT", "code": "STEP.BAD"} | ({} if times is None else {"times": times})
    return {"id": id_, "type": "FAIL", "with": with_, "effect": "at_most_once", "retry": LATE, **fields}


def cheap(id_: str = "say", **fields: Any) -> dict[str, Any]:
    """A step that fails in the workflow task, and is to go on as an activity."""
    return {"id": id_, "type": "LOG", "with": {"message": "${ secrets.NONE }"}, "retry": LATE, **fields}


async def listed(desk: Desk, job_id: str) -> list[dict[str, Any]]:
    """What the list of retrying jobs has of this one, once it has it."""
    await desk.api.observe(job_id)
    rows = (await desk.http.get("/v1/retrying?limit=200")).json()["data"]
    return next((row["retrying"] for row in rows if row["id"] == job_id), [])


@pytest.mark.parametrize(("step", "code"), [(once(), "STEP.BAD"), (cheap(), "STEP.SECRET_MISSING")])
async def test_it_is_shown_and_listed_with_attempt_next_retry_and_error(
    desk: Desk, step: dict[str, Any], code: str
) -> None:
    job_id = await desk.start([step])
    job = await desk.reach(job_id, "RETRYING")
    assert "failed once, next attempt at" in job["status_reason"]
    (shown,) = job["steps"]
    assert (shown["status"], shown["attempt_count"], shown["error"]["code"]) == ("RETRYING", 1, code)
    assert (job["attempts"], job["retry_count"]) == (1, 0)
    (unit,) = await listed(desk, job_id)
    assert (unit["unit"], unit["round"], unit["attempt"], unit["paused"]) == (step["id"], 1, 2, False)
    assert unit["error"]["code"] == code
    assert unit["next_retry_at"] > unit["observed_at"]
    await desk.decide(job_id, "cancel", WHY)
    await desk.reach(job_id, "CANCELED")
    assert not await listed(desk, job_id)


async def test_now_begins_the_next_attempt_and_counts_it_as_ever(desk: Desk) -> None:
    job_id = await desk.started([once(times=2)], "RETRYING")
    for made in (1, 2):
        answer = await desk.http.post(f"/v1/retrying/{job_id}/now", json=WHY)
        assert (answer.status_code, answer.json()["steps"]) == (202, ["pay"]), answer.text

        await until(partial(has_moved, desk, job_id, made))
    job = await desk.reach(job_id, "COMPLETED")
    outcomes = [(attempt["attempt"], attempt["outcome"]) for attempt in job["steps"][0]["attempts"]]
    assert outcomes == [(1, "FAILED"), (2, "FAILED"), (3, "COMPLETED")]
    assert await desk.said(job_id, "STEP_ATTEMPTED_NOW") == [ACTOR, ACTOR]


async def test_after_a_try_in_the_workflow_task_the_next_one_begins_now(desk: Desk) -> None:
    job_id = await desk.started([cheap()], "RETRYING")
    answer = await desk.http.post(f"/v1/retrying/{job_id}/now", json={**WHY, "steps": ["say"]})
    assert (answer.status_code, answer.json()["steps"]) == (202, ["say"]), answer.text

    async def tried_again() -> bool:
        units = await listed(desk, job_id)
        return [(unit["attempt"], unit["next_retry_at"] is not None) for unit in units] == [(3, True)]

    await until(tried_again)
    assert (await desk.http.post(f"/v1/retrying/{job_id}/now", json=WHY)).status_code == 202


async def test_given_up_it_is_parked_or_caught_at_once(desk: Desk) -> None:
    caught = cheap("caught", depends_on=[], catch=[{"errors": ["STEP.TOTAL_TIMEOUT"], "output": "none"}])
    job_id = await desk.start([once(depends_on=[]), cheap(depends_on=[]), caught])

    async def all_wait() -> bool:
        return {step["status"] for step in (await desk.job(job_id))["steps"]} == {"RETRYING"}

    await until(all_wait)
    names = ["pay", "say", "caught"]
    answer = await desk.http.post(f"/v1/retrying/{job_id}/give-up", json={**WHY, "steps": names})
    assert (answer.status_code, answer.json()["steps"]) == (202, names), answer.text
    pay, say, third = (await desk.reach(job_id, "DEAD_LETTERED"))["steps"]
    assert (pay["status"], pay["error"]["code"], pay["attempt_count"]) == ("DEAD_LETTERED", "STEP.BAD", 1)
    assert (say["status"], say["error"]["code"], say["attempt_count"]) == ("DEAD_LETTERED", "STEP.TOTAL_TIMEOUT", 1)
    assert say["error"]["message"].endswith("no further attempt is made; the last one failed with STEP.SECRET_MISSING")
    assert (third["status"], third["output"]) == ("COMPLETED", "none")
    assert await desk.said(job_id, "STEP_GIVEN_UP") == [ACTOR] * 3
    # Its attempts surely took no effect: another round needs no force.
    assert (await desk.decide(job_id, "/retry", {**WHY, "steps": ["pay"]})).status_code == 202


async def test_items_and_compensations_too(desk: Desk) -> None:
    undo = {"type": "FAIL", "with": {"class": "TRANSIENT", "times": 1}, "retry": LATE}
    items = {"items": "${ [1, 2] }"}
    first = {"id": "first", "type": "COMPUTE", "with": {"expression": "1"}, "effect": "at_most_once"}
    job_id = await desk.start([{**first, "compensate": undo}, once("each", for_each=items)])

    async def tried() -> bool:
        return len(await listed(desk, job_id)) == 2

    await until(tried)
    job = await desk.job(job_id)
    assert (job["status"], job["attempts"], job["retry_count"]) == ("RETRYING", 3, 0)
    path = f"/v1/retrying/{job_id}/"
    answer = await desk.http.post(path + "give-up", json={**WHY, "steps": ["each.1"]})
    assert (answer.status_code, answer.json()["steps"]) == (202, ["each.1"]), answer.text
    await desk.reach(job_id, "DEAD_LETTERED")
    assert (await desk.http.post(path + "now", json={**WHY, "steps": ["each.0"]})).status_code == 202

    async def again() -> bool:
        return bool((await desk.job(job_id))["attempts"] == 4)

    await until(again)
    job = await desk.job(job_id)
    assert job["retry_count"] == 1
    assert (await desk.decide(job_id, "/discard", WHY)).status_code == 202

    async def undone() -> bool:
        answer = await desk.http.post(path + "now", json=WHY)
        return answer.status_code == 202 and bool(answer.json()["steps"] == ["first.compensate"])

    await until(undone)
    assert (await desk.reach(job_id, "FAILED"))["steps"][0]["status"] == "COMPENSATED"


async def test_many_at_once_are_one_attempt(desk: Desk, partner: Partner) -> None:
    partner.answers["/once"] = [503, 200]
    with_ = {"method": "POST", "url": f"{partner.url}/once"}
    step = {"id": "pay", "type": "HTTP_CALL", "with": with_, "effect": "at_most_once", "retry": LATE}
    job_id = await desk.started([step], "RETRYING")
    path = f"/v1/retrying/{job_id}/now"
    answers = await asyncio.gather(*(desk.http.post(path, json=WHY) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    await desk.reach(job_id, "COMPLETED")
    assert partner.calls["/once"] == 2


async def test_what_waits_in_a_paused_job_is_not_hurried_but_given_up(desk: Desk) -> None:
    job_id = await desk.started([once()], "RETRYING")
    assert (await desk.decide(job_id, "pause", WHY)).status_code == 202
    path = f"/v1/retrying/{job_id}/"
    problem = check_problem(await desk.http.post(path + "now", json=WHY), 409)
    assert problem["code"] == "API.STEP_NOT_RETRYING"
    assert (await desk.http.post(path + "give-up", json={**WHY, "steps": ["pay"]})).status_code == 202
    assert (await desk.decide(job_id, "resume", WHY)).status_code == 202
    await desk.reach(job_id, "DEAD_LETTERED")


@pytest.mark.parametrize(
    ("step", "name"), [(once(), "pay"), (once(for_each={"items": "${ [1] }"}), "pay.0"), (cheap("pay"), "pay")]
)
async def test_what_a_pause_holds_back_after_its_time_is_shown_so_and_given_up(
    desk: Desk, step: dict[str, Any], name: str
) -> None:
    step = {**step, "retry": {**LATE, "initial_interval": "2s"}}
    job_id = await desk.started([step], "RETRYING")
    assert (await desk.decide(job_id, "pause", WHY)).status_code == 202

    async def held() -> bool:
        (seen,) = (await desk.job(job_id))["steps"]
        return bool(seen["paused"] and seen["status"] == "RETRYING")

    await until(held)
    path = f"/v1/retrying/{job_id}/"
    for body in (WHY, {**WHY, "steps": [name]}):
        problem = check_problem(await desk.http.post(path + "now", json=body), 409)
        assert problem["code"] == "API.STEP_NOT_RETRYING"
        assert problem["detail"].endswith("the job is paused: resume it")
    answer = await desk.http.post(path + "give-up", json={**WHY, "steps": [name]})
    assert (answer.status_code, answer.json()["steps"]) == (202, [name]), answer.text
    await desk.until_step(job_id, "pay", "DEAD_LETTERED")
    (seen,) = (await desk.job(job_id))["steps"]
    assert (seen["status"], seen["attempt_count"]) == ("DEAD_LETTERED", 1)
    assert (await desk.decide(job_id, "resume", WHY)).status_code == 202
    await desk.reach(job_id, "DEAD_LETTERED")


async def test_the_temporal_cli_does_both(desk: Desk, temporal_address: str) -> None:
    job_id = await desk.started([once(times=1), cheap()], "RETRYING")
    update = ("workflow", "update", "execute", "--workflow-id", job_id, "--name")
    await temporal(temporal_address, *update, "retry_now", "--input", '{"steps": ["pay"]}')

    async def said() -> bool:
        return [step["status"] for step in (await desk.job(job_id))["steps"]] == ["COMPLETED", "RETRYING"]

    await until(said)
    await temporal(temporal_address, *update, "give_up", "--input", '{"steps": ["say"], "reason": "gone"}')
    await desk.reach(job_id, "DEAD_LETTERED")
    ((actor, reason),) = await desk.said(job_id, "STEP_GIVEN_UP")
    assert ("temporal-cli" in actor, reason) == (True, "gone")


async def test_an_at_most_once_attempt_that_runs_is_the_last_once_it_is_given_up(desk: Desk, partner: Partner) -> None:
    partner.answers["/slow"] = [503]
    partner.delays["/slow"] = 2
    with_ = {"url": f"{partner.url}/slow"}
    quick = {"initial_interval": "20ms", "maximum_attempts": 9}
    step = {"id": "a", "type": "HTTP_CALL", "with": with_, "effect": "at_most_once", "retry": quick}
    job_id = await desk.start([step])

    async def runs() -> bool:
        return partner.calls["/slow"] == 1

    await until(runs)
    await desk.api.temporal.get_workflow_handle(job_id).execute_update("give_up", {"steps": ["a"]})
    job = await desk.reach(job_id, "DEAD_LETTERED")
    assert (job["error"]["code"], partner.calls["/slow"]) == ("STEP.HTTP.THROTTLED", 1)
