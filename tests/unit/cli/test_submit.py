"""`perdure jobs submit`: what is sent, what is printed, how refusals are told."""

from pathlib import Path

import pytest

from tests.unit.canned_api import CannedApi, job_view
from tests.unit.cli.conftest import Run


def test_submit_sends_the_file_as_it_is_and_names_the_job(api: CannedApi, run: Run, spec: str) -> None:
    api.answer("POST /v1/jobs", job_view(status="QUEUED"), 202)
    result = run("jobs", "submit", spec, "--id", "order-1")
    assert result.exit_code == 0, result.output
    assert result.stdout == "default:order-1 accepted\n"
    assert api.got[0].body == Path(spec).read_bytes()
    assert api.got[0].headers["idempotency-key"] == "order-1"
    assert api.got[0].headers["authorization"] == "Bearer pdr_env_key"


def test_submit_reads_stdin(api: CannedApi, run: Run) -> None:
    api.answer("POST /v1/jobs", job_view(), 202)
    assert run("jobs", "submit", "-", stdin='{"a": 1}').exit_code == 0
    assert api.got[0].body == b'{"a": 1}'


def test_submit_tells_a_replay(api: CannedApi, run: Run, spec: str) -> None:
    api.answer("POST /v1/jobs", job_view(), 200, {"Idempotent-Replayed": "true"})
    assert "was there already" in run("jobs", "submit", spec).stdout


def test_submit_json_prints_the_answer_byte_for_byte(api: CannedApi, run: Run, spec: str) -> None:
    body = '{"id": "default:x", "name":"é", "status":"QUEUED", "big": 1.0}'.encode()
    api.answer("POST /v1/jobs", body, 202, {"Content-Type": "application/json"})
    result = run("jobs", "submit", spec, "-o", "json")
    assert result.stdout_bytes == body + b"\n"
    assert result.stderr == ""


def test_submit_lists_every_problem_with_the_file_name(api: CannedApi, run: Run, spec: str) -> None:
    errors = [
        {"path": "$.steps[0].depends_on[0]", "code": "API.SPEC.STEP_UNKNOWN", "message": "there is no step zz"},
        {"path": "$.steps", "code": "API.SPEC.CYCLE", "message": "a -> b -> a"},
    ]
    api.problem("POST /v1/jobs", 422, "API.VALIDATION", detail="2 problems", errors=errors)
    result = run("jobs", "submit", spec)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "job.json" in result.stderr
    assert "- $.steps[0].depends_on[0]: there is no step zz  [API.SPEC.STEP_UNKNOWN]" in result.stderr
    assert "- $.steps: a -> b -> a  [API.SPEC.CYCLE]" in result.stderr


@pytest.mark.parametrize("file", ["missing.json", "."])
def test_submit_of_a_file_that_cannot_be_read_is_a_usage_error(api: CannedApi, run: Run, file: str) -> None:
    result = run("jobs", "submit", file)
    assert result.exit_code == 2
    assert file in result.stderr
    assert api.got == []


def test_dry_run_says_that_nothing_was_started(api: CannedApi, run: Run, spec: str) -> None:
    api.answer("POST /v1/jobs", {"admitted": True, "fingerprint": "f", "spec": {"steps": [{}, {}]}})
    result = run("jobs", "submit", spec, "--dry-run")
    assert "2 steps" in result.stdout
    assert "Nothing was started" in result.stdout
    assert api.got[0].query == [("dry_run", "true")]


def test_an_id_that_cannot_be_sent_is_an_error_without_a_traceback(api: CannedApi, run: Run, spec: str) -> None:
    result = run("jobs", "submit", spec, "--id", "schlüssel")
    assert result.exit_code == 1
    assert "Idempotency-Key" in result.stderr
    assert api.got == []
