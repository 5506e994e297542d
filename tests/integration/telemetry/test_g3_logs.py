"""G3: every log line of a job carries the fixed fields; on a running stack, over its real log files."""

import secrets
from collections import Counter
from typing import Any

import httpx
import pytest

from perdure.client import PerdureClient
from perdure.telemetry.log_field import FIXED
from tests.integration.telemetry.conftest import log_lines, until
from tests.server.partner import Partner
from tests.server.stack import Stack

TRACE = secrets.token_hex(16)


@pytest.fixture(scope="module")
def job_id(stack: Stack) -> str:
    """A job with a retry, a failure that dead-letters it, a manual retry, and a dependent; submitted under TRACE."""
    flaky = {"code": "STEP.TEST", "class": "TRANSIENT", "message": "not yet", "times": 2}
    spec = {
        "name": "g3",
        "steps": [
            {"id": "say", "type": "LOG", "with": {"message": "hello", "fields": {"password": "hunter2hunter2"}}},
            {
                "id": "flaky",
                "type": "FAIL",
                "with": flaky,
                "retry": {"maximum_attempts": 2, "initial_interval": "20ms"},
            },
        ],
        "dependents": [
            {
                "name": "after",
                "when": "success",
                "job": {"name": "after", "steps": [{"id": "z", "type": "LOG", "with": {"message": "child"}}]},
            }
        ],
    }
    headers = {
        "Authorization": f"Bearer {stack.api_key}",
        "traceparent": f"00-{TRACE}-{secrets.token_hex(8)}-01",
    }
    answer = httpx.post(f"{stack.info.api_url}/v1/jobs?dry_run=false", json=spec, headers=headers, trust_env=False)
    assert answer.status_code == 202, answer.text
    id_: str = answer.json()["id"]
    with stack.client() as client:
        until(lambda: client.get(id_).status == "DEAD_LETTERED")
        client.retry(id_, reason="g3")
        until(lambda: client.get(id_).status == "COMPLETED")
    until(lambda: ended(stack, id_) and ended(stack, f"{id_}~~after"))
    return id_


def ended(stack: Stack, job: str) -> list[dict[str, Any]]:
    return [line for line in log_lines(stack, "worker") if line["job_id"] == job and line["event"] == "job ended"]


def of_job(stack: Stack, job: str, service: str = "worker") -> list[dict[str, Any]]:
    return [line for line in log_lines(stack, service) if line["job_id"] == job]


def test_g3_every_line_of_a_job_carries_the_fixed_fields(stack: Stack, job_id: str) -> None:
    found = of_job(stack, job_id)
    told = Counter(line["event"] for line in found if line["event"] != "step attempt started")  # of slow ones only
    once = ("hello", "job dead-lettered", "job retried", "job ended")
    assert told == {"step attempt ended": 4, **dict.fromkeys(once, 1)}
    for line in found:
        assert set(FIXED) <= line.keys()
        assert (line["tenant"], line["trace_id"], line["parent_job_id"]) == ("default", TRACE, None)
        assert line["status"] is not None
        if line["logger"] == "perdure.step":
            assert line["step_id"] in {"say", "flaky"}
            assert line["attempt"] >= 1


def test_g3_every_line_of_every_process_is_json_with_the_fixed_fields(stack: Stack, job_id: str) -> None:
    for service in ("api", "worker"):
        for line in log_lines(stack, service):
            assert set(FIXED) <= line.keys()
            assert line["service"] == service


def test_g3_a_retry_shows_each_attempt_and_how_long_it_took(stack: Stack, job_id: str) -> None:
    attempts = [line for line in of_job(stack, job_id) if line["step_id"] == "flaky" and "execution_ms" in line]
    assert [(line["attempt"], line["status"]) for line in attempts[:2]] == [(1, "FAILED"), (2, "FAILED")]
    assert attempts[-1]["status"] == "COMPLETED"
    assert [line["error_code"] for line in attempts[:2]] == ["STEP.TEST", "STEP.TEST"]
    assert attempts[0]["next_retry_ms"] > 0
    assert attempts[1]["next_retry_ms"] is None


def test_g3_the_job_s_own_lines_tell_its_course_once(stack: Stack, job_id: str) -> None:
    told = [line for line in of_job(stack, job_id) if line["logger"] == "perdure.job"]
    assert [(line["event"], line["status"]) for line in told] == [
        ("job dead-lettered", "DEAD_LETTERED"),
        ("job retried", "RUNNING"),
        ("job ended", "COMPLETED"),
    ]
    assert told[-1]["execution_ms"] > 0


def test_g3_a_dependent_s_lines_name_its_parent_and_the_same_trace(stack: Stack, job_id: str) -> None:
    found = of_job(stack, f"{job_id}~~after")
    assert {line["event"] for line in found} >= {"child", "step attempt ended", "job ended"}
    for line in found:
        assert (line["parent_job_id"], line["trace_id"], line["tenant"]) == (job_id, TRACE, "default")


def test_g3_the_request_that_submitted_it_is_one_line(stack: Stack, job_id: str) -> None:
    lines = of_job(stack, job_id, "api")
    (submitted,) = [line for line in lines if line["event"] == "request" and line["route"] == "/v1/jobs"]
    assert (submitted["method"], submitted["http_status"], submitted["trace_id"]) == ("POST", 202, TRACE)
    assert submitted["principal"] == "key:admin"
    assert submitted["request_id"]
    assert submitted["execution_ms"] > 0


def test_g3_no_secret_no_key_and_no_query_is_in_any_log(stack: Stack, job_id: str, partner: Partner) -> None:
    with PerdureClient(stack.info.api_url, api_key=stack.api_key) as client:
        client.get(job_id)
    httpx.get(
        f"{stack.info.api_url}/v1/jobs?q=querysecret", headers={"X-API-Key": "pdr_0123456789ab_forgedsecret"},
        trust_env=False,
    )  # fmt: skip
    until(lambda: any(line.get("http_status") == 401 for line in log_lines(stack, "api")))
    logged = "".join(path.read_text() for path in (stack.directory / ".perdure" / "log").glob("[aw]*.log"))
    for secret in ("hunter2", "querysecret", "forgedsecret", stack.api_key.rpartition("_")[2]):
        assert secret not in logged
