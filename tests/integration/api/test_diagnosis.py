"""Why a job is as it is: what failed, what surrounds it, how often, what was tried and what can be done."""

from typing import Any

import pytest

from tests.integration.api.desk import NAP, WAIT, Desk, fail, log
from tests.integration.api.stack import unique, until
from tests.integration.api.test_bad_input import check_problem

WHY = {"reason": "the partner is back"}
ONCE = {"maximum_attempts": 1}
SOON = {"maximum_attempts": 3, "initial_interval": "10ms"}


def failing(id_: str, **fields: Any) -> dict[str, Any]:
    """A step that always fails, with a code of its own."""
    with_ = {"code": "STEP.PARTNER.DOWN", "class": "TRANSIENT", "message": "answer 17 was late"}
    return {"id": id_, "type": "FAIL", "with": with_, "retry": SOON, **fields}


async def diagnosis(desk: Desk, job_id: str, query: str = "") -> dict[str, Any]:
    """The answer, of a job projected now."""
    await desk.api.project(job_id)
    answer = await desk.http.get(f"/v1/jobs/{job_id}/diagnosis{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_parked_job_says_what_failed_and_what_can_be_done(desk: Desk) -> None:
    job_id = await desk.started([log("first"), failing("pay")], "DEAD_LETTERED", input={"order": 7})
    found = await diagnosis(desk, job_id)
    short = found["diagnosis"]
    assert short["what"] == "step pay (FAIL) is parked after 3 attempts"
    assert (short["unit"], short["step_id"], short["step_type"], short["failing"]) == ("pay", "pay", "FAIL", 1)
    assert (short["code"], short["class"]) == ("STEP.PARTNER.DOWN", "TRANSIENT")
    assert short["normalised_message"] == "answer <n> was late"
    assert [one["action"] for one in short["next"]] == ["retry", "skip", "discard", "cancel"]
    assert short["next"][0]["request"] == f"POST /v1/dead-letters/{job_id}/retry"
    [failure] = found["failures"]
    assert [attempt["outcome"] for attempt in failure["attempts"]] == ["FAILED"] * 3
    assert all(attempt["worker"] and attempt["duration_ms"] is not None for attempt in failure["attempts"])
    assert [attempt["backoff_ms"] is not None for attempt in failure["attempts"]] == [True, True, False]
    assert short["since"] == failure["since"] == failure["attempts"][0]["ended_at"]
    assert (found["input"], set(found["outputs"]), found["trace_id"]) == ({"order": 7}, {"first"}, None)
    await desk.decide(job_id, "terminate")


async def test_the_events_around_the_failure_are_shown_with_their_numbers(desk: Desk) -> None:
    job_id = await desk.started(
        [log("first"), failing("pay", depends_on=[]), WAIT | {"depends_on": []}], "DEAD_LETTERED"
    )
    await desk.decide(job_id, "deliver", {"name": "go", "payload": 1})
    await desk.until_step(job_id, "w", "COMPLETED")
    journal = await desk.journal(job_id)
    parked = next(number for number, row in enumerate(journal) if row["type"] == "STEP_PARKED")
    assert (await diagnosis(desk, job_id, "?events=2"))["events"] == journal[parked - 2 : parked + 3]
    assert (await diagnosis(desk, job_id, "?events=100"))["events"] == journal
    await desk.decide(job_id, "terminate")


async def test_each_round_says_who_asked_for_it_and_what_came_of_it(desk: Desk) -> None:
    job_id = await desk.started([failing("pay")], "DEAD_LETTERED")
    patch = {"pay": {"message": "answer 18 was late"}}
    await desk.decide(job_id, "/retry", {**WHY, "patch": patch})
    handle = desk.api.temporal.get_workflow_handle(job_id)
    await until(lambda: _in_round(desk, job_id, 2))
    await handle.signal("retry", {"actor": "key:night", "reason": "once more"})
    await until(lambda: _in_round(desk, job_id, 3))
    found = await diagnosis(desk, job_id)
    told = [
        (one["round"], one["by"], one["reason"], one["patched"], one["attempts"]) for one in found["diagnosis"]["tried"]
    ]
    assert told == [
        (1, "key:somebody", None, False, 3),
        (2, "key:admin", "the partner is back", True, 3),
        (3, "key:night", "once more", False, 3),
    ]
    assert {(one["result"], one["code"]) for one in found["diagnosis"]["tried"]} == {
        ("DEAD_LETTERED", "STEP.PARTNER.DOWN")
    }
    assert found["diagnosis"]["what"] == "step pay (FAIL) is parked after 9 attempts"
    assert found["diagnosis"]["since"] == found["failures"][0]["attempts"][0]["ended_at"]
    await desk.decide(job_id, "terminate")


async def _in_round(desk: Desk, job_id: str, round_: int) -> bool:
    job = await desk.job(job_id)
    return (job["status"], job["steps"][0]["round"]) == ("DEAD_LETTERED", round_)


async def test_a_fingerprint_is_counted_in_the_jobs_of_its_tenant(desk: Desk) -> None:
    step = failing("pay") | {"with": {"code": f"STEP.X{unique()[:8].upper()}", "message": "no"}, "retry": ONCE}
    jobs = [await desk.started([step], "DEAD_LETTERED") for _ in range(2)]
    elsewhere = await desk.started([step], "DEAD_LETTERED", id_=f"acme:{unique()}")
    for job_id in (*jobs, elsewhere):
        await desk.api.project(job_id)
    await desk.decide(jobs[0], "/retry", WHY)
    await until(lambda: _in_round(desk, jobs[0], 2))
    seen = (await diagnosis(desk, jobs[0]))["diagnosis"]["seen"]
    assert (seen["last_hour"], seen["last_day"], seen["total"], seen["capped"]) == (2, 2, 2, False)
    assert seen["first_at"] < seen["last_at"]
    assert (await diagnosis(desk, elsewhere))["diagnosis"]["seen"]["total"] == 1
    for job_id in (*jobs, elsewhere):
        await desk.decide(job_id, "terminate")


async def test_a_job_that_recovered_still_counts(desk: Desk) -> None:
    code = f"STEP.X{unique()[:8].upper()}"
    with_ = {"code": code, "class": "TRANSIENT", "message": "no"}
    recovering = {"id": "a", "type": "FAIL", "with": {**with_, "times": 1}, "retry": SOON}
    await desk.api.project(await desk.started([recovering], "COMPLETED"))
    job_id = await desk.started([{**recovering, "with": with_, "retry": ONCE}], "DEAD_LETTERED")
    assert (await diagnosis(desk, job_id))["diagnosis"]["seen"]["total"] == 2
    await desk.decide(job_id, "terminate")


async def test_a_job_that_tries_again_is_told_before_it_has_a_row(desk: Desk) -> None:
    step = failing("pay", retry={"maximum_attempts": 9, "initial_interval": "1h", "maximum_interval": "1h"})
    step["with"] = {**step["with"], "code": f"STEP.X{unique()[:8].upper()}"}
    job_id = await desk.started([step], "RETRYING")
    found = (await desk.http.get(f"/v1/jobs/{job_id}/diagnosis")).json()
    assert found["diagnosis"]["what"] == "step pay (FAIL) fails and is tried again after 1 attempt"
    assert found["failures"][0]["attempts"][0]["backoff_ms"] > 1_000_000
    assert [one["action"] for one in found["diagnosis"]["next"]] == ["pause", "cancel"]
    assert found["diagnosis"]["seen"]["total"] == 0
    assert found["events"] == []
    await desk.decide(job_id, "terminate")


async def test_failing_items_are_told_one_by_one(desk: Desk) -> None:
    fan_out = {"for_each": {"items": "${ input.rows }", "max_parallel": 4}, "retry": ONCE}
    step = failing("load") | fan_out
    job_id = await desk.started([step], "DEAD_LETTERED", input={"rows": [1, 2, 3]})
    await until(lambda: _parked_items(desk, job_id, 3))
    found = await diagnosis(desk, job_id)
    assert [failure["unit"] for failure in found["failures"]] == ["load.0", "load.1", "load.2"]
    assert found["diagnosis"]["what"] == "item 0 of step load (FAIL) is parked after 1 attempt (and 2 more fail)"
    assert found["diagnosis"]["failing"] == 3
    assert {row["data"]["item"] for row in found["events"] if row["type"] == "STEP_PARKED"} == {0, 1, 2}
    await desk.decide(job_id, "terminate")


async def _parked_items(desk: Desk, job_id: str, number: int) -> bool:
    counts = ((await desk.job(job_id))["steps"][0]["items"] or {"counts": {}})["counts"]
    return bool(counts.get("DEAD_LETTERED") == number)


async def test_a_parked_compensation_is_what_fails(desk: Desk) -> None:
    undo = {"type": "FAIL", "with": {"code": "STEP.UNDO.FAILED"}}
    job_id = await desk.started([log("book", compensate=undo), fail("pay")], "DEAD_LETTERED")
    await desk.decide(job_id, "/discard", WHY)
    await until(lambda: _undo_parked(desk, job_id))
    short = (await diagnosis(desk, job_id))["diagnosis"]
    assert short["unit"] == "book.compensate"
    assert short["code"] == "STEP.UNDO.FAILED"
    assert short["what"].startswith("the compensation of step book (LOG) is parked after 1 attempt")
    await desk.decide(job_id, "terminate")


async def _undo_parked(desk: Desk, job_id: str) -> bool:
    undo = (await desk.job(job_id))["steps"][0]["compensation"]
    return bool(undo and undo["status"] == "DEAD_LETTERED")


async def test_a_closed_job_can_only_be_done_again(desk: Desk) -> None:
    job_id = await desk.started([failing("pay")], "FAILED", dead_letter={"enabled": False})
    short = (await diagnosis(desk, job_id))["diagnosis"]
    assert short["what"] == "step pay (FAIL) failed after 3 attempts; the job ended FAILED"
    assert [one["action"] for one in short["next"]] == ["resubmit"]


async def test_a_discarded_job_says_what_it_was_given_up_for(desk: Desk) -> None:
    job_id = await desk.started([failing("pay")], "DEAD_LETTERED")
    await desk.decide(job_id, "/discard", WHY)
    await desk.reach(job_id, "FAILED")
    short = (await diagnosis(desk, job_id))["diagnosis"]
    assert (short["unit"], short["code"]) == ("pay", "STEP.PARTNER.DOWN")
    assert short["what"].endswith("; the job ended FAILED (DISMISSED)")


async def test_a_job_that_ran_out_of_time_fails_as_a_whole(desk: Desk) -> None:
    job_id = await desk.started([NAP], "TIMED_OUT", timeout="100ms")
    short = (await diagnosis(desk, job_id))["diagnosis"]
    assert (short["unit"], short["code"], short["failing"]) == (None, "ENGINE.JOB_TIMEOUT", 0)
    assert short["what"].startswith("the job is TIMED_OUT: ")
    assert short["remedy"]
    assert short["seen"]["total"] >= 1
    assert short["since"]


async def test_nothing_fails_of_a_completed_job(desk: Desk) -> None:
    job_id = await desk.started([log("a")], "COMPLETED")
    found = await diagnosis(desk, job_id)
    assert found["diagnosis"]["what"] == "the job is COMPLETED: its one step completed"
    assert {found["diagnosis"][name] for name in ("code", "unit", "since", "seen", "remedy")} == {None}
    assert (found["failures"], found["diagnosis"]["next"]) == ([], [])
    assert found["events"][-1]["type"] == "JOB_COMPLETED"


async def test_an_unknown_effect_and_a_permanent_error_say_what_a_retry_needs(desk: Desk) -> None:
    lost = {"code": "STEP.EFFECT_UNKNOWN", "class": "LOST"}
    steps = [{"id": "pay", "type": "FAIL", "with": lost, "effect": "at_most_once"}]
    unknown = await desk.started(steps, "DEAD_LETTERED")
    permanent = await desk.started([fail("pay")], "DEAD_LETTERED")
    assert "`force`" in (await diagnosis(desk, unknown))["diagnosis"]["next"][0]["what"]
    assert "`patch`" in (await diagnosis(desk, permanent))["diagnosis"]["next"][0]["what"]
    for job_id in (unknown, permanent):
        await desk.decide(job_id, "terminate")


async def test_payloads_are_masked_without_the_grant(desk: Desk) -> None:
    first = {"id": "first", "type": "COMPUTE", "with": {"expression": "'gold'"}}
    job_id = await desk.started([first, failing("pay")], "DEAD_LETTERED", input={"card": "gold"})
    await desk.api.project(job_id)
    viewer = desk.api.client(await desk.api.key(role="viewer"))
    answer = await viewer.get(f"/v1/jobs/{job_id}/diagnosis")
    assert answer.status_code == 200
    assert "gold" not in answer.text
    assert (answer.json()["input"], answer.json()["outputs"]) == ("***", {"first": "***"})
    assert "gold" in (await desk.http.get(f"/v1/jobs/{job_id}/diagnosis")).text
    await desk.decide(job_id, "terminate")


async def test_another_tenants_job_is_not_there(desk: Desk) -> None:
    job_id = await desk.started([log("a")], "COMPLETED")
    await desk.api.project(job_id)
    stranger = desk.api.client(await desk.api.key(tenant="acme"))
    check_problem(await stranger.get(f"/v1/jobs/{job_id}/diagnosis"), 404)
    check_problem(await desk.http.get(f"/v1/jobs/default:{unique()}/diagnosis"), 404)


@pytest.mark.parametrize("query", ["?events=-1", "?events=101", "?events=x", "?nope=1"])
async def test_a_wrong_query_is_422(desk: Desk, query: str) -> None:
    check_problem(await desk.http.get(f"/v1/jobs/default:x/diagnosis{query}"), 422)
