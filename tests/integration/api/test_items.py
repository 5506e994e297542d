"""The items of a fan-out over HTTP, and what the job's view says of fan-outs, waits, compensations and plans."""

from typing import Any

import pytest

from tests.integration.api.desk import WAIT, Desk, fail
from tests.integration.api.stack import Api, until
from tests.integration.api.test_bad_input import check_problem

CANARY = "canary-5b1e"
EACH = {
    "id": "each",
    "type": "COMPUTE",
    "for_each": {"items": "${ input.rows }"},
    "with": {"expression": "item.n / item.by"},
    "retry": {"maximum_attempts": 1},
}
ROWS = [{"n": 6, "by": 2}, {"n": 1, "by": 0}, {"n": 8, "by": 2}]
ITEM = {
    "index", "status", "round", "started_at", "completed_at", "output", "error", "attempt_count", "attempts", "paused",
    "compensation", "waiting_for", "decisions",
}  # fmt: skip


@pytest.fixture(scope="module")
async def job_id(desk: Desk) -> str:
    """A job with one of three items parked."""
    id_ = await desk.started([EACH], "DEAD_LETTERED", input={"rows": ROWS})
    await desk.api.project(id_)
    return id_


async def items(desk: Desk, job_id: str, query: str = "") -> dict[str, Any]:
    answer = await desk.http.get(f"/v1/jobs/{job_id}/steps/each/items{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_job_counts_its_items_and_says_which_are_parked(desk: Desk, job_id: str) -> None:
    for query in ("", "?consistency=strong"):
        job = (await desk.http.get(f"/v1/jobs/{job_id}{query}")).json()
        (step,) = job["steps"]
        assert step["items"] == {"total": 3, "counts": {"COMPLETED": 2, "DEAD_LETTERED": 1}}
        assert (step["status"], step["attempt_count"], step["error"]["code"]) == (
            "DEAD_LETTERED", 3, "ENGINE.EXPRESSION",
        )  # fmt: skip
        assert job["status_reason"].startswith("1 of 3 items of step each is parked: ENGINE.EXPRESSION")


async def test_items_come_in_order_in_pages_and_by_state(desk: Desk, job_id: str) -> None:
    first = await items(desk, job_id, "?limit=2")
    assert [(item["index"], item["status"]) for item in first["data"]] == [(0, "COMPLETED"), (1, "DEAD_LETTERED")]
    assert {frozenset(item) for item in first["data"]} == {frozenset(ITEM)}
    assert first["page"]["has_more"]
    last = await items(desk, job_id, f"?limit=2&cursor={first['page']['cursor']}")
    assert [(item["index"], item["output"]) for item in last["data"]] == [(2, 4)]
    assert last["page"] == {"cursor": None, "has_more": False}
    parked = await items(desk, job_id, "?status=DEAD_LETTERED,FAILED")
    assert [item["index"] for item in parked["data"]] == [1]
    assert parked["data"][0]["attempts"][0]["outcome"] == "FAILED"


@pytest.mark.parametrize(
    ("query", "path"), [("?status=BAD", "query.status"), ("?cursor=x", "query.cursor"), ("?limit=0", "query.limit")]
)
async def test_what_no_list_has_is_refused_by_name(desk: Desk, job_id: str, query: str, path: str) -> None:
    answer = await desk.http.get(f"/v1/jobs/{job_id}/steps/each/items{query}")
    assert check_problem(answer, 422)["errors"][0]["path"] == path


async def test_a_step_that_is_not_there_and_a_job_of_another_tenant_are_404(desk: Desk, api: Api, job_id: str) -> None:
    problem = check_problem(await desk.http.get(f"/v1/jobs/{job_id}/steps/none/items"), 404)
    assert "each" in problem["detail"]
    stranger = api.client(await api.key("elsewhere", "admin"))
    check_problem(await stranger.get(f"/v1/jobs/{job_id}/steps/each/items"), 404)


async def test_a_step_without_fan_out_has_no_items(desk: Desk) -> None:
    id_ = await desk.started([WAIT], "WAITING")
    await desk.api.project(id_)
    answer = await desk.http.get(f"/v1/jobs/{id_}/steps/w/items")
    assert answer.json() == {"data": [], "page": {"cursor": None, "has_more": False}}
    await desk.decide(id_, "terminate")


async def test_outputs_of_items_are_payloads(desk: Desk, api: Api) -> None:
    each = {**EACH, "with": {"expression": "item"}}
    id_ = await desk.started([each], "COMPLETED", id_=f"hush:{CANARY[:6]}-items", input={"rows": [CANARY]})
    await desk.api.project(id_)
    for payloads, shown in ((False, "***"), (True, CANARY)):
        key = await api.key("hush", "viewer", payloads=payloads)
        answer = await api.client(key).get(f"/v1/jobs/{id_}/steps/each/items")
        assert answer.json()["data"][0]["output"] == shown


async def test_a_wait_tells_what_would_end_it(desk: Desk) -> None:
    ask = {"id": "ask", "type": "APPROVAL", "with": {"required_approvals": 2, "message": "ship?"}, "depends_on": []}
    id_ = await desk.started([{**WAIT, "depends_on": []}, ask], "WAITING")
    await desk.until_step(id_, "ask", "WAITING")
    await desk.decide(id_, "approve", {"decision": "approve", "step": "ask"})
    job = await desk.job(id_)
    wait, approval = (step["waiting_for"] for step in job["steps"])
    assert (wait["kind"], wait["name"]) == ("WAIT", "go")
    assert (approval["message"], approval["approvals"], approval["required_approvals"]) == ("ship?", 1, 2)
    assert [said["decision"] for said in job["steps"][1]["decisions"]] == ["approve"]
    assert job["status_reason"] == 'step w waits for "go"; waiting for approval of step ask (1 of 2)'
    await desk.decide(id_, "terminate")


async def test_a_planned_start_is_shown_at_once_and_after(desk: Desk) -> None:
    body = {"name": "later", "queue": desk.queue, "delay": "1h", "steps": [WAIT]}
    answer = await desk.http.post("/v1/jobs", json=body)
    job = answer.json()
    assert (answer.status_code, job["status"], job["started_at"]) == (202, "SCHEDULED", None)
    assert job["status_reason"].startswith("starts at ")
    assert job["start_at"] is not None
    assert (await desk.reach(job["id"], "SCHEDULED"))["start_at"]
    await desk.decide(job["id"], "terminate")


async def test_a_parked_compensation_is_shown_at_its_step(desk: Desk) -> None:
    undo = {"type": "FAIL", "with": {"code": "STEP.BAD", "times": 1}, "retry": {"maximum_attempts": 1}}
    steps = [{"id": "pay", "type": "LOG", "with": {"message": "x"}, "compensate": undo}, fail("bad")]
    id_ = await desk.started(steps, "DEAD_LETTERED")
    await desk.decide(id_, "/discard", {"reason": "no"})

    async def parked() -> Any:
        job = await desk.job(id_)
        return job if (job["steps"][0]["compensation"] or {}).get("status") == "DEAD_LETTERED" else None

    job: dict[str, Any] = await until(parked)
    undone = job["steps"][0]["compensation"]
    assert (undone["status"], undone["error"]["code"], undone["attempts"][0]["attempt"]) == (
        "DEAD_LETTERED", "STEP.BAD", 1,
    )  # fmt: skip
    assert job["status_reason"].startswith("the compensation of step pay is parked")
    await desk.decide(id_, "terminate")
