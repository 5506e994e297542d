"""`perdure jobs diagnose`, and what `get` says of a job that fails."""

import json
from typing import Any

from tests.unit.canned_api import CannedApi, attempt, job_view
from tests.unit.cli.conftest import GET, Run

ERROR = {"code": "STEP.HTTP.5XX", "class": "TRANSIENT", "message": "it answered 503", "fingerprint": "f", "details": {}}
SHORT = {
    "what": "step pay (HTTP_CALL) is parked after 3 attempts",
    "since": "2026-11-22T10:00:00Z",
    "unit": "pay",
    "code": "STEP.HTTP.5XX",
    "class": "TRANSIENT",
    "message": "it answered 503",
    "remedy": "See what the partner says.",
    "seen": {"last_hour": 2, "last_day": 40, "total": 120, "capped": False},
    "tried": [
        {"round": 1, "by": "key:ops", "attempts": 3, "duration_ms": 1500, "result": "DEAD_LETTERED", "code": "STEP.X"},
        {"round": 2, "by": "key:night", "reason": "it is back", "patched": True, "attempts": 1, "result": "RETRYING"},
    ],
    "next": [
        {"action": "retry", "request": "POST /v1/dead-letters/x/retry", "role": "operator", "what": "run it again"}
    ],
}


def answer(**fields: Any) -> dict[str, Any]:
    failure = {"unit": "pay", "type": "HTTP_CALL", "status": "DEAD_LETTERED", "error": ERROR, "attempt_count": 3}
    event = {"seq": 17, "type": "STEP_PARKED", "at": "2026-11-22T10:00:02Z", "step_id": "pay", "data": {}}
    return {
        "job_id": "default:order-1",
        "name": "order",
        "status": "DEAD_LETTERED",
        "diagnosis": SHORT,
        "failures": [{**failure, "attempts": [attempt(1, "FAILED"), attempt(2, None, live=True)]}],
        "events": [event],
        "links": {"self": "/x", "trace": "http://traces/4bf9", "temporal_ui": None},
        **fields,
    }


def test_get_says_why_a_job_fails(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view(status="DEAD_LETTERED", error={**ERROR, "step_id": "pay"}))
    api.answer(f"{GET}/diagnosis", answer())
    out = run("jobs", "get", "order-1").stdout
    assert "step pay (HTTP_CALL) is parked after 3 attempts" in out
    assert "120 jobs in all: 2 in the last hour, 40 in the last day" in out
    assert "See what the partner says." in out


def test_get_asks_no_more_of_a_job_that_does_well(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view())
    assert run("jobs", "get", "order-1").exit_code == 0
    assert [got.path for got in api.got] == ["/v1/jobs/default:order-1"]


def test_get_shows_a_failing_job_also_where_the_api_has_no_diagnosis(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view(status="DEAD_LETTERED", error={**ERROR, "step_id": "pay"}))
    result = run("jobs", "get", "order-1")
    assert result.exit_code == 0
    assert "DEAD_LETTERED" in result.stdout


def test_diagnose_shows_rounds_attempts_events_and_decisions(api: CannedApi, run: Run) -> None:
    api.answer(f"{GET}/diagnosis", answer())
    result = run("jobs", "diagnose", "order-1", "--events", "3")
    for told in (
        "round 1 by key:ops: 3 attempts in 1.50 s → DEAD_LETTERED STEP.X",
        "round 2 by key:night, patched (it is back): 1 attempt → RETRYING",
        "STEP_PARKED",
        "POST /v1/dead-letters/x/retry",
    ):
        assert told in result.stdout
    assert "http://traces/4bf9" in result.stderr
    assert api.got[0].query == [("events", "3")]
    assert max(map(len, result.stdout.splitlines())) < 200


def test_diagnose_json_is_the_api_s_own(api: CannedApi, run: Run) -> None:
    api.answer(f"{GET}/diagnosis", answer())
    assert json.loads(run("-o", "json", "jobs", "diagnose", "order-1").stdout) == answer()


def test_diagnose_of_a_job_that_does_well_is_short(api: CannedApi, run: Run) -> None:
    api.answer(f"{GET}/diagnosis", answer(diagnosis={"what": "the job is COMPLETED"}, failures=[], events=[]))
    assert "the job is COMPLETED" in run("jobs", "diagnose", "order-1").stdout


def test_what_a_partner_said_cannot_steer_the_terminal(api: CannedApi, run: Run) -> None:
    api.answer(f"{GET}/diagnosis", answer(name="\x1b]0;owned\x07", diagnosis={**SHORT, "message": "\x1b[31m"}))
    assert "\x1b" not in run("jobs", "diagnose", "order-1").stdout


def test_diagnose_of_what_is_not_there_exits_4(api: CannedApi, run: Run) -> None:
    api.problem(f"{GET}/diagnosis", 404, "API.NOT_FOUND", detail="there is no such job")
    assert run("jobs", "diagnose", "order-1").exit_code == 4
