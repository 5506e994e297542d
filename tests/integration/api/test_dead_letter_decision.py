"""C3: retry with a patch or from a step, skip with an output, discard: what each does, and that it says who and why."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.integration.api.desk import NAP, PARKED, Desk, fail, log
from tests.integration.api.stack import unique, until
from tests.integration.api.test_bad_input import check_problem
from tests.server.partner import Partner

WHY = {"reason": "the partner is back"}
ACTOR = ("key:admin", "the partner is back")


def call(partner: Partner, id_: str, path: str, **fields: Any) -> dict[str, Any]:
    with_ = {"method": "POST", "url": f"{partner.url}{path}"}
    return {"id": id_, "type": "HTTP_CALL", "with": with_, "retry": {"maximum_attempts": 1}, **fields}


async def test_c3_retry_brings_it_home_and_says_who_and_why(desk: Desk) -> None:
    job_id = await desk.started(PARKED, "DEAD_LETTERED")
    answer = await desk.decide(job_id, "/retry", WHY)
    assert (answer.status_code, answer.json()["job_id"], answer.json()["steps"]) == (202, job_id, ["a"])
    await desk.reach(job_id, "COMPLETED")
    assert await desk.said(job_id, "JOB_RETRY_REQUESTED") == [ACTOR]


async def test_c3_retry_with_a_patch_asks_for_something_else(desk: Desk, partner: Partner) -> None:
    partner.answers["/old"] = [404]
    job_id = await desk.started([log("first"), call(partner, "book", "/old")], "DEAD_LETTERED")
    patch = {"book": {"url": f"{partner.url}/new"}}
    answer = await desk.decide(job_id, "/retry", {**WHY, "patch": patch})
    assert answer.status_code == 202, answer.text
    await desk.reach(job_id, "COMPLETED")
    assert partner.calls == {"/old": 1, "/new": 1}
    assert partner.keys["/old"] != partner.keys["/new"]
    asked = next(row for row in await desk.journal(job_id) if row["type"] == "JOB_RETRY_REQUESTED")
    assert asked["data"]["patched"] == ["book"]


@pytest.mark.parametrize(
    ("patch", "place", "code"),
    [
        ({"zz": {"message": "x"}}, "$.patch.zz", "API.SPEC.STEP_UNKNOWN"),
        ({"a": {"nope": 1}}, "$.patch.a.nope", "API.SPEC.PARAMETER"),
        ({"a": {"message": "${ steps.b.output }"}}, "$.patch.a.message", "API.SPEC.EXPRESSION"),
        ({"a": {}}, "$.patch.a", "API.FIELD.VALUE"),
        ({"a": None}, "$.patch.a", "API.FIELD.TYPE"),
        ([], "$.patch", "API.FIELD.TYPE"),
    ],
)
async def test_a_malformed_patch_is_told_with_its_place_and_nothing_is_done(
    desk: Desk, patch: Any, place: str, code: str
) -> None:
    job_id = await desk.started(PARKED, "DEAD_LETTERED")
    problem = check_problem(await desk.decide(job_id, "/retry", {**WHY, "patch": patch}), 422)
    assert [(item["path"], item["code"]) for item in problem["errors"]] == [(place, code)]
    job = await desk.job(job_id)
    assert (job["status"], job["steps"][0]["round"]) == ("DEAD_LETTERED", 1)
    await desk.decide(job_id, "terminate")


@pytest.mark.parametrize(("after", "status"), [(log("b"), "COMPLETED"), (NAP, "WAITING")])
async def test_a_decision_sent_again_under_its_key_is_answered_alike_when_the_job_has_moved_on(
    desk: Desk, partner: Partner, after: dict[str, Any], status: str
) -> None:
    partner.answers["/old"] = [404]
    job_id, key = await desk.started([call(partner, "book", "/old"), after], "DEAD_LETTERED"), unique()
    body = {**WHY, "patch": {"book": {"url": f"{partner.url}/new"}}}
    assert (await desk.decide(job_id, "/retry", body, key=key)).status_code == 202
    await desk.reach(job_id, status)
    again = await desk.decide(job_id, "/retry", body, key=key)
    assert (again.status_code, again.json().get("steps")) == (202, ["book"]), again.text
    assert partner.calls == {"/old": 1, "/new": 1}
    for another in ({**body, "reason": "x"}, body):
        problem = check_problem(await desk.decide(job_id, "/retry", another, key=key if another != body else None), 409)
        assert status in problem["detail"]
    if status == "WAITING":
        await desk.decide(job_id, "terminate")


async def test_a_patch_of_what_is_not_retried_is_refused(desk: Desk) -> None:
    job_id = await desk.started([fail("a"), log("b")], "DEAD_LETTERED")
    problem = check_problem(await desk.decide(job_id, "/retry", {**WHY, "patch": {"b": {"message": "y"}}}), 422)
    assert "b" in problem["detail"]
    assert (await desk.job(job_id))["status"] == "DEAD_LETTERED"
    await desk.decide(job_id, "terminate")


async def test_c3_retry_from_a_step_keeps_what_came_before(desk: Desk, partner: Partner) -> None:
    steps = [call(partner, name, f"/{name}") for name in ("one", "two", "three")]
    partner.answers["/three"] = [404, 200]
    job_id = await desk.started(steps, "DEAD_LETTERED")
    answer = await desk.decide(job_id, "/retry", {**WHY, "from_step": "two"})
    assert answer.json()["steps"] == ["two", "three"], answer.text
    await desk.reach(job_id, "COMPLETED")
    assert partner.calls == {"/one": 1, "/two": 2, "/three": 2}


async def test_retry_from_an_unknown_step_is_422(desk: Desk) -> None:
    job_id = await desk.started(PARKED, "DEAD_LETTERED")
    problem = check_problem(await desk.decide(job_id, "/retry", {**WHY, "from_step": "zz"}), 422)
    (place,) = problem["errors"]
    assert (problem["code"], place["path"], place["code"]) == ("API.STEP_UNKNOWN", "$.from_step", "API.STEP_UNKNOWN")
    assert place["message"].endswith("The steps are a, b")
    await desk.decide(job_id, "terminate")


async def test_retry_from_before_an_open_step_is_409(desk: Desk) -> None:
    first = log("first")
    nap = {**NAP, "depends_on": ["first"]}
    job_id = await desk.started([first, nap, fail("a", depends_on=["first"])], "DEAD_LETTERED")
    problem = check_problem(await desk.decide(job_id, "/retry", {**WHY, "from_step": "first"}), 409)
    assert (problem["code"], problem["errors"][0]["path"]) == ("API.STEP_RUNNING", "$.from_step")
    await desk.decide(job_id, "terminate")


async def test_c3_skip_gives_the_output_that_later_steps_see(desk: Desk) -> None:
    after = {"id": "b", "type": "COMPUTE", "with": {"expression": "steps.a.output.n + 1"}}
    job_id = await desk.started([fail("a"), after], "DEAD_LETTERED")
    answer = await desk.decide(job_id, "/skip", {**WHY, "step": "a", "output": {"n": 41}})
    assert (answer.status_code, answer.json()["steps"]) == (202, ["a"])
    job = await desk.reach(job_id, "COMPLETED")
    assert job["output"] == {"b": 42}
    assert await desk.said(job_id, "STEP_OVERRIDDEN") == [ACTOR]


async def test_skip_refuses_what_is_not_parked_and_what_is_too_large(desk: Desk) -> None:
    job_id = await desk.started(PARKED, "DEAD_LETTERED")
    wrong = await desk.decide(job_id, "/skip", {**WHY, "step": "b", "output": 1})
    problem = check_problem(wrong, 409)
    assert (problem["code"], problem["errors"][0]["path"]) == ("API.JOB_NOT_PARKED", "$.step")
    assert problem["errors"][0]["message"].endswith("what is parked: a")
    unknown = await desk.decide(job_id, "/skip", {**WHY, "step": "zz", "output": 1})
    problem = check_problem(unknown, 422)
    assert (problem["code"], problem["errors"][0]["path"]) == ("API.STEP_UNKNOWN", "$.step")
    twice = check_problem(await desk.decide(job_id, "/retry", {**WHY, "steps": ["a", "zz"]}), 422)
    assert [place["path"] for place in twice["errors"]] == ["$.steps[1]"]
    large = check_problem(await desk.decide(job_id, "/skip", {**WHY, "step": "a", "output": "x" * 300_000}), 422)
    assert (large["code"], large["errors"][0]["path"]) == ("API.PAYLOAD_INVALID", "$.output")
    assert (await desk.job(job_id))["status"] == "DEAD_LETTERED"
    await desk.decide(job_id, "terminate")


async def test_c3_discard_compensates_and_ends_dismissed(desk: Desk, partner: Partner) -> None:
    undo = {"type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/undo"}}
    job_id = await desk.started([log("a", compensate=undo), fail("b")], "DEAD_LETTERED")
    answer = await desk.decide(job_id, "/discard", WHY)
    assert answer.status_code == 202, answer.text
    job = await desk.reach(job_id, "FAILED")
    assert job["resolution"] == "DISMISSED"
    assert partner.calls == {"/undo": 1}
    assert await desk.said(job_id, "JOB_DISCARDED") == [ACTOR]


async def test_an_effect_that_is_not_known_needs_force_and_a_reason(desk: Desk) -> None:
    lost = {"code": "STEP.EFFECT_UNKNOWN", "class": "LOST", "times": 1}
    step = {"id": "pay", "type": "FAIL", "with": lost, "effect": "at_most_once"}
    job_id = await desk.started([step], "DEAD_LETTERED")
    problem = check_problem(await desk.decide(job_id, "/retry", WHY), 409)
    assert (problem["code"], "pay" in problem["detail"]) == ("API.FORCE_REQUIRED", True)
    assert [(place["path"], place["code"]) for place in problem["errors"]] == [("$.force", "API.FORCE_REQUIRED")]
    assert check_problem(await desk.decide(job_id, "retry", {"force": True}), 422)["errors"][0]["path"] == "$"
    assert (await desk.decide(job_id, "/retry", {**WHY, "force": True})).status_code == 202
    await desk.reach(job_id, "COMPLETED")


@pytest.mark.parametrize("verb", ["/retry", "/skip", "/discard"])
async def test_c3_the_same_decision_again_is_one(desk: Desk, verb: str) -> None:
    body = {**WHY, "step": "a", "output": None} if verb == "/skip" else WHY
    job_id = await desk.started([fail("a"), fail("b", depends_on=[]), NAP | {"depends_on": []}], "DEAD_LETTERED")
    answers = await asyncio.gather(*(desk.decide(job_id, verb, body) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    rows = Counter(row["type"] for row in await desk.journal(job_id))
    wanted = {"/retry": "JOB_RETRY_REQUESTED", "/skip": "STEP_OVERRIDDEN", "/discard": "JOB_DISCARDED"}[verb]
    assert rows[wanted] == 1
    await desk.decide(job_id, "terminate")


async def test_c5_thirty_clients_retry_one_step_while_another_is_skipped(desk: Desk, partner: Partner) -> None:
    partner.answers["/a"] = [404, 200]
    steps = [call(partner, "a", "/a", depends_on=[]), fail("b", depends_on=[]), log("c", depends_on=["a", "b"])]
    job_id = await desk.started(steps, "DEAD_LETTERED")
    await desk.until_step(job_id, "a", "DEAD_LETTERED")
    await desk.until_step(job_id, "b", "DEAD_LETTERED")
    clients = [desk.api.client(await desk.api.key(name=f"client {number}")) for number in range(30)]
    signal = asyncio.create_task(desk.api.temporal.get_workflow_handle(job_id).signal("retry", {"steps": ["a"]}))
    skip = desk.decide(job_id, "/skip", {**WHY, "step": "b", "output": None})
    retries = [desk.decide(job_id, "/retry", {**WHY, "steps": ["a"]}, by=client) for client in clients]
    skipped, *answers = await asyncio.gather(skip, *retries)
    await signal
    assert skipped.status_code == 202, skipped.text
    assert {answer.status_code for answer in answers} <= {202, 409}, Counter(answer.text for answer in answers)
    await desk.reach(job_id, "COMPLETED")
    assert partner.calls == {"/a": 2}
    rows = Counter(row["type"] for row in await desk.journal(job_id))
    assert (rows["JOB_RETRY_REQUESTED"], rows["STEP_OVERRIDDEN"]) == (1, 1)


async def test_a_patch_of_a_step_that_is_not_parked_is_refused_and_nothing_is_done(desk: Desk) -> None:
    job_id = await desk.started(PARKED, "DEAD_LETTERED")
    answer = await desk.decide(job_id, "/retry", {**WHY, "patch": {"b": {"message": "y"}}})
    problem = check_problem(answer, 422)
    assert problem["errors"][0]["path"] == "$.patch.b"
    assert "What may: a" in problem["detail"]
    assert await desk.said(job_id, "JOB_RETRY_REQUESTED") == []
    assert (await desk.job(job_id))["status"] == "DEAD_LETTERED"


async def test_an_output_that_breaks_the_steps_schema_is_refused_whoever_sends_it(desk: Desk) -> None:
    schema = {"type": "object", "required": ["amount"]}
    wait = {"id": "w", "type": "WAIT", "with": {"name": "paid", "timeout": "1ms", "schema": schema}}
    job_id = await desk.started([wait, log("b")], "DEAD_LETTERED")
    answer = await desk.decide(job_id, "/skip", {**WHY, "step": "w", "output": {"sum": 1}})
    problem = check_problem(answer, 422)
    assert (problem["code"], problem["errors"][0]["path"]) == ("API.PAYLOAD_INVALID", "$.output")
    assert "amount" in problem["detail"]
    await desk.api.temporal.get_workflow_handle(job_id).signal("skip", {"output": 1})

    async def refused() -> list[str]:
        rows = await desk.journal(job_id)
        return [row["data"]["problem"] for row in rows if row["type"] == "JOB_COMMAND_REFUSED"]

    (told,) = await until(refused)
    assert "schema" in told
    assert (await desk.job(job_id))["status"] == "DEAD_LETTERED"
    answer = await desk.decide(job_id, "/skip", {**WHY, "step": "w", "output": {"amount": 1}})
    assert answer.status_code == 202, answer.text
    await desk.reach(job_id, "COMPLETED")


async def test_a_key_makes_a_decision_one_also_after_the_step_parked_again(desk: Desk) -> None:
    job_id = await desk.started([{"id": "a", "type": "FAIL", "with": {"times": 2}}], "DEAD_LETTERED")
    key = unique()
    assert (await desk.decide(job_id, "/retry", WHY, key=key)).status_code == 202
    job = await desk.reach(job_id, "DEAD_LETTERED")
    while job["steps"][0]["round"] < 2:
        job = await desk.reach(job_id, "DEAD_LETTERED")
    assert (await desk.decide(job_id, "/retry", WHY, key=key)).status_code == 202
    assert (await desk.job(job_id))["status"] == "DEAD_LETTERED"
    assert (await desk.decide(job_id, "/retry", WHY)).status_code == 202
    await desk.reach(job_id, "COMPLETED")
