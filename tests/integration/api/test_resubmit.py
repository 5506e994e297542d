"""Resubmission: a closed job done again as a new one, from its start or from a step on."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.integration.api.desk import NAP, Desk, fail, log
from tests.integration.api.stack import spec, unique
from tests.integration.api.test_bad_input import check_problem
from tests.server.partner import Partner

STEPS: list[dict[str, Any]] = [
    {"id": "double", "type": "COMPUTE", "with": {"expression": "input.n * 2"}},
    {"id": "more", "type": "COMPUTE", "with": {"expression": "steps.double.output + 1"}},
]


async def submitted(desk: Desk, status: str = "COMPLETED", **fields: Any) -> str:
    body = {"name": "again", "input": {"n": 1}, "steps": STEPS, "queue": desk.queue, **fields}
    answer = await desk.http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    job_id = str(answer.json()["id"])
    await desk.reach(job_id, status)
    return job_id


async def test_a_closed_job_is_done_again_as_a_new_one(desk: Desk) -> None:
    old = await submitted(desk, labels={"team": "x"}, correlation_id="c-1", priority=2)
    answer = await desk.decide(old, "resubmit", {"reason": "the report was lost"})
    assert answer.status_code == 202, answer.text
    new = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{new['id']}"
    assert (new["resubmit_of"], new["status"]) == (old, "QUEUED")
    done = await desk.reach(new["id"], "COMPLETED")
    assert (done["output"], done["input"], done["resubmit_of"]) == ({"more": 3}, {"n": 1}, old)
    assert (done["labels"], done["correlation_id"], done["priority"]) == ({"team": "x"}, "c-1", 2)
    await desk.api.project(new["id"])
    assert (await desk.http.get(f"/v1/jobs/{new['id']}")).json()["resubmit_of"] == old
    assert (await desk.job(old))["status"] == "COMPLETED"
    assert await desk.said(new["id"], "JOB_SUBMITTED") == [("key:admin", "the report was lost")]


async def test_the_input_can_be_another(desk: Desk) -> None:
    old = await submitted(desk)
    new = (await desk.decide(old, "resubmit", {"input": {"n": 10}})).json()["id"]
    assert (await desk.reach(new, "COMPLETED"))["output"] == {"more": 21}


async def test_from_a_step_on_earlier_outputs_are_carried_over(desk: Desk, partner: Partner) -> None:
    def call(id_: str, *before: str) -> dict[str, Any]:
        with_ = {"method": "POST", "url": f"{partner.url}/{id_}"}
        return {"id": id_, "type": "HTTP_CALL", "with": with_, "depends_on": list(before)}

    steps = [call("one"), call("other"), call("two", "one"), call("three", "two", "other")]
    old = await desk.started(steps, "COMPLETED")
    new = (await desk.decide(old, "resubmit", {"from_step": "two"})).json()["id"]
    done = await desk.reach(new, "COMPLETED")
    assert partner.calls == {"/one": 1, "/other": 1, "/two": 2, "/three": 2}
    assert [step["status"] for step in done["steps"]] == ["COMPLETED"] * 4
    assert done["steps"][0]["output"]["status"] == 200
    assert Counter(map(len, partner.keys.values())) == {1: 2, 2: 2}


async def test_a_changed_input_reaches_only_the_steps_that_run_again(desk: Desk) -> None:
    steps = [*STEPS, {"id": "last", "type": "COMPUTE", "with": {"expression": "steps.double.output + input.n"}}]
    old = await submitted(desk, steps=steps)
    new = (await desk.decide(old, "resubmit", {"from_step": "last", "input": {"n": 100}})).json()["id"]
    assert (await desk.reach(new, "COMPLETED"))["output"] == {"last": 102}


async def test_a_step_whose_predecessors_did_not_complete_is_refused_with_their_names(desk: Desk) -> None:
    steps = [log("a"), fail("b"), log("c"), log("d")]
    old = await submitted(desk, "FAILED", steps=steps, dead_letter={"enabled": False})
    problem = check_problem(await desk.decide(old, "resubmit", {"from_step": "d"}), 422)
    (item,) = problem["errors"]
    assert item["path"] == "$.from_step"
    assert "b (FAILED)" in item["message"]
    assert "c (OMITTED)" in item["message"]
    new = (await desk.decide(old, "resubmit", {"from_step": "b"})).json()["id"]
    job = await desk.reach(new, "FAILED")
    assert [step["attempt_count"] for step in job["steps"]][:2] == [0, 1]


async def test_an_unknown_step_is_refused_with_its_place(desk: Desk) -> None:
    old = await submitted(desk)
    problem = check_problem(await desk.decide(old, "resubmit", {"from_step": "doubel"}), 422)
    assert problem["errors"][0]["code"] == "API.SPEC.STEP_UNKNOWN"
    assert 'did you mean "double"' in problem["detail"]


async def test_an_open_job_is_not_resubmitted(desk: Desk) -> None:
    for job_id in (await desk.started([NAP], "WAITING"), await desk.started([fail("a")], "DEAD_LETTERED")):
        problem = check_problem(await desk.decide(job_id, "resubmit"), 409)
        assert (problem["code"], "retry" in problem["detail"]) == ("API.JOB_OPEN", True)
        await desk.decide(job_id, "terminate")


async def test_thirty_clients_with_one_key_start_one_job(desk: Desk) -> None:
    old, key = await submitted(desk), unique()
    sent = [desk.decide(old, "resubmit", {"reason": "again"}, key=key) for _ in range(30)]
    answers = await asyncio.gather(*sent)
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 29}
    assert {answer.json()["id"] for answer in answers} == {f"default:{key}"}
    assert all(answer.headers.get("idempotent-replayed") == "true" for answer in answers if answer.status_code == 200)


async def test_the_key_can_come_in_the_body_and_must_agree(desk: Desk) -> None:
    old, key = await submitted(desk), unique()
    assert (await desk.decide(old, "resubmit", {"id": key})).json()["id"] == f"default:{key}"
    assert (await desk.decide(old, "resubmit", {"id": key}, key=key)).status_code == 200
    problem = check_problem(await desk.decide(old, "resubmit", {"id": key}, key="other"), 422)
    assert problem["code"] == "API.IDEMPOTENCY_KEY_MISMATCH"


@pytest.mark.parametrize("other", [{"input": {"n": 2}}, {"from_step": "more"}])
async def test_a_key_used_for_another_resubmission_is_refused(desk: Desk, other: dict[str, Any]) -> None:
    old, key = await submitted(desk), unique()
    assert (await desk.decide(old, "resubmit", {"reason": "a"}, key=key)).status_code == 202
    assert (await desk.decide(old, "resubmit", {"reason": "b"}, key=key)).status_code == 200
    problem = check_problem(await desk.decide(old, "resubmit", other, key=key), 422)
    assert problem["code"] == "API.IDEMPOTENCY_KEY_REUSED"


async def test_a_key_of_a_submission_is_not_that_of_a_resubmission(desk: Desk) -> None:
    old = await submitted(desk)
    taken = old.partition(":")[2]
    assert check_problem(await desk.decide(old, "resubmit", key=taken), 422)["code"] == "API.IDEMPOTENCY_KEY_REUSED"


async def test_it_stays_in_its_tenant(desk: Desk) -> None:
    operator = desk.api.client(await desk.api.key("acme", "operator"))
    old = (await operator.post("/v1/jobs", json=spec(queue=desk.queue))).json()["id"]
    await desk.reach(old, "COMPLETED")
    for client in (operator, desk.http):
        new = (await desk.decide(old, "resubmit", by=client)).json()
        assert (new["tenant"], new["id"].partition(":")[0]) == ("acme", "acme")


async def test_what_it_shows_is_masked_without_the_grant(desk: Desk) -> None:
    old = await submitted(desk)
    masked = desk.api.client(await desk.api.key("*", "operator"))
    assert (await desk.decide(old, "resubmit", by=masked)).json()["input"] == "***"


async def test_what_would_fill_the_whole_state_is_refused(desk: Desk) -> None:
    big = [{"id": f"big{number}", "type": "COMPUTE", "with": {"expression": "input.text"}} for number in range(4)]
    old = await submitted(desk, input={"text": "x" * 200_000, "n": 1}, steps=[*big, *STEPS])
    fits = await desk.decide(old, "resubmit", {"from_step": "double", "input": {"text": "y" * 600_000, "n": 1}})
    assert fits.status_code == 202, fits.text
    larger = {"from_step": "double", "input": {"text": "y" * 900_000, "n": 1}}
    problem = check_problem(await desk.decide(old, "resubmit", larger), 422)
    assert (problem["errors"][0]["path"], problem["errors"][0]["code"]) == ("$.from_step", "API.SPEC.LIMIT")
