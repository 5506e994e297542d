"""Deliveries and approvals over HTTP: who may, with what, and that a repeat does no harm."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.integration.api.desk import NAP, WAIT, Desk, fail
from tests.integration.api.stack import unique
from tests.integration.api.test_bad_input import check_problem

SCHEMA = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}
GO = {"name": "go", "payload": {"amount": 5}}


def approval(**with_: Any) -> list[dict[str, Any]]:
    return [{"id": "ok", "type": "APPROVAL", "with": with_}]


async def test_a_delivery_becomes_the_output_and_says_who_and_why(desk: Desk) -> None:
    job_id = await desk.started([WAIT], "WAITING")
    answer = await desk.decide(job_id, "deliver", {**GO, "reason": "it was paid"})
    assert (answer.status_code, answer.json()["steps"]) == (202, ["w"])
    assert (await desk.reach(job_id, "COMPLETED"))["output"] == {"w": {"amount": 5}}
    assert await desk.said(job_id, "STEP_DELIVERED") == [("key:admin", "it was paid")]


async def test_a_delivery_can_come_before_its_step(desk: Desk) -> None:
    job_id = await desk.start([{**NAP, "with": {"duration": "300ms"}}, WAIT])
    assert (await desk.decide(job_id, "deliver", GO)).status_code == 202
    assert (await desk.reach(job_id, "COMPLETED"))["output"] == {"w": {"amount": 5}}


async def test_a_payload_that_breaks_the_schema_is_422_and_the_step_waits_on(desk: Desk) -> None:
    step = {**WAIT, "with": {"name": "go", "schema": SCHEMA}}
    job_id = await desk.started([step], "WAITING")
    problem = check_problem(await desk.decide(job_id, "deliver", {"name": "go", "payload": {"amount": "5"}}), 422)
    assert (problem["code"], problem["errors"][0]["path"]) == ("API.PAYLOAD_INVALID", "$.payload.amount")
    assert "amount" in problem["detail"]
    assert (await desk.job(job_id))["status"] == "WAITING"
    assert (await desk.decide(job_id, "deliver", GO)).status_code == 202
    await desk.reach(job_id, "COMPLETED")


async def test_nobody_waits_for_another_name(desk: Desk) -> None:
    job_id = await desk.started([WAIT], "WAITING")
    problem = check_problem(await desk.decide(job_id, "deliver", {"name": "stop"}), 409)
    assert (problem["code"], "go" in problem["detail"]) == ("API.NOTHING_WAITS", True)
    assert [place["path"] for place in problem["errors"]] == ["$.name"]
    await desk.decide(job_id, "terminate")


async def test_approval_of_a_step_that_waits_for_none_is_told_with_its_place(desk: Desk) -> None:
    steps: list[dict[str, Any]] = [
        {"id": id_, "type": "APPROVAL", "with": {}, "depends_on": []} for id_ in ("one", "two")
    ]
    job_id = await desk.started(steps, "WAITING")
    for body, code in (({"step": "three"}, "API.NOTHING_WAITS"), ({}, "API.VALIDATION")):
        answer = await desk.decide(job_id, "approve", {"decision": "approve", **body})
        problem = check_problem(answer, 409 if body else 422)
        (place,) = problem["errors"]
        assert (problem["code"], place["path"], place["code"]) == (code, "$.step", code)
        assert "one, two" in place["message"]
    await desk.decide(job_id, "terminate")


async def test_thirty_times_the_same_delivery_under_a_key_is_one(desk: Desk) -> None:
    steps = [WAIT, {**WAIT, "id": "w2"}]
    job_id, key = await desk.started(steps, "WAITING"), unique()
    answers = await asyncio.gather(*(desk.decide(job_id, "deliver", GO, key=key) for _ in range(30)))
    assert Counter(answer.status_code for answer in answers) == {202: 30}
    await desk.until_step(job_id, "w2", "WAITING")
    assert len(await desk.said(job_id, "STEP_DELIVERED")) == 1
    await desk.decide(job_id, "terminate")


async def test_the_same_words_for_the_next_wait_are_another_delivery(desk: Desk) -> None:
    job_id = await desk.started([WAIT, {**WAIT, "id": "w2"}], "WAITING")
    assert (await desk.decide(job_id, "deliver", GO)).json()["steps"] == ["w"]
    await desk.until_step(job_id, "w2", "WAITING")
    assert (await desk.decide(job_id, "deliver", GO)).json()["steps"] == ["w2"]
    await desk.reach(job_id, "COMPLETED")


async def test_two_people_approve(desk: Desk) -> None:
    job_id = await desk.started(approval(required_approvals=2, message="release?"), "WAITING")
    ann, bob = [desk.api.client(await desk.api.key(name=name, role="operator")) for name in ("ann", "bob")]
    first = await desk.decide(job_id, "approve", {"decision": "approve", "reason": "fine"}, by=ann)
    assert (first.status_code, first.json()["job"]["status"]) == (202, "WAITING")
    second = await desk.decide(job_id, "approve", {"decision": "approve", "step": "ok"}, by=bob)
    assert (second.status_code, second.json()["steps"]) == (202, ["ok"])
    output = (await desk.reach(job_id, "COMPLETED"))["output"]["ok"]
    assert output["approved"] is True
    assert [(said["actor"], said["reason"]) for said in output["decisions"]] == [("key:ann", "fine"), ("key:bob", None)]
    assert await desk.said(job_id, "STEP_DELIVERED") == [("key:ann", "fine"), ("key:bob", None)]


async def test_whoever_submitted_the_job_does_not_approve_it(desk: Desk) -> None:
    job_id = await desk.started(approval(), "WAITING", by="key:admin")
    problem = check_problem(await desk.decide(job_id, "approve", {"decision": "approve"}), 403)
    assert problem["code"] == "API.APPROVAL_NOT_ALLOWED"
    assert (await desk.job(job_id))["status"] == "WAITING"
    await desk.decide(job_id, "terminate")


@pytest.mark.parametrize(("role", "status"), [("operator", 403), ("admin", 202)])
async def test_the_role_of_the_key_counts_not_what_the_body_says(desk: Desk, role: str, status: int) -> None:
    job_id = await desk.started(approval(roles=["admin"]), "WAITING")
    client = desk.api.client(await desk.api.key(name="carl", role=role))
    refused = await desk.decide(job_id, "approve", {"decision": "approve", "role": "admin"}, by=client)
    assert check_problem(refused, 422)["errors"][0]["path"] == "$.role"
    assert (await desk.decide(job_id, "approve", {"decision": "approve"}, by=client)).status_code == status
    await desk.decide(job_id, "terminate")


async def test_a_rejection_fails_the_step_with_the_reason(desk: Desk) -> None:
    job_id = await desk.started(approval(), "WAITING")
    body = {"decision": "reject", "reason": "the report is missing"}
    assert (await desk.decide(job_id, "approve", body)).status_code == 202
    job = await desk.reach(job_id, "DEAD_LETTERED")
    assert job["error"]["code"] == "STEP.APPROVAL.REJECTED"
    assert "the report is missing" in job["error"]["message"]
    assert (await desk.decide(job_id, "/retry", {"reason": "it is here"})).status_code == 202
    await desk.reach(job_id, "WAITING")
    assert (await desk.decide(job_id, "approve", body)).status_code == 202
    await desk.reach(job_id, "DEAD_LETTERED")
    await desk.decide(job_id, "terminate")


async def test_one_person_counts_once_however_often_it_is_sent(desk: Desk) -> None:
    job_id = await desk.started(approval(required_approvals=2), "WAITING")
    sent = [desk.decide(job_id, "approve", {"decision": "approve"}) for _ in range(30)]
    assert Counter(answer.status_code for answer in await asyncio.gather(*sent)) == {202: 30}
    other_words = await desk.decide(job_id, "approve", {"decision": "approve", "reason": "I insist"})
    assert check_problem(other_words, 403)["code"] == "API.APPROVAL_NOT_ALLOWED"
    assert len(await desk.said(job_id, "STEP_DELIVERED")) == 1
    await desk.decide(job_id, "terminate")


async def test_thirty_people_deliver_and_one_is_taken(desk: Desk) -> None:
    job_id = await desk.started([WAIT, fail("after")], "WAITING")
    clients = [desk.api.client(await desk.api.key(name=f"person {number}")) for number in range(30)]
    answers = await asyncio.gather(*(desk.decide(job_id, "deliver", GO, by=client) for client in clients))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert sum(answer.status_code == 202 for answer in answers) == 1
    await desk.reach(job_id, "DEAD_LETTERED")
    assert len(await desk.said(job_id, "STEP_DELIVERED")) == 1
    await desk.decide(job_id, "terminate")
