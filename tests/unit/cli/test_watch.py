"""`perdure jobs watch`, and `submit --watch`: what is told while a job runs, and how they end."""

import json

import pytest

from tests.unit.canned_api import CannedApi, attempt, job_view
from tests.unit.cli.conftest import GET, Run


@pytest.mark.parametrize(("status", "code"), [("COMPLETED", 0), ("FAILED", 5), ("CANCELED", 5), ("TERMINATED", 5)])
def test_watch_exits_by_how_the_job_ended(api: CannedApi, run: Run, status: str, code: int) -> None:
    api.answer(GET, job_view(status="RUNNING", output=None))
    api.answer(GET, job_view(status=status))
    result = run("jobs", "watch", "order-1")
    assert result.exit_code == code
    assert "job RUNNING" in result.stdout
    assert f"job {status}" in result.stdout


def test_watch_tells_each_failed_attempt_once(api: CannedApi, run: Run) -> None:
    def looking(status: str, *attempts: dict[str, object]) -> dict[str, object]:
        step = {"id": "fetch", "type": "HTTP_CALL", "status": status, "attempts": list(attempts)}
        return job_view(status=status, steps=[step])

    first, second = attempt(1, "FAILED"), attempt(2, "FAILED")
    for view in (
        looking("RUNNING"),
        looking("RETRYING", first),
        looking("RETRYING", first, second),
        looking("COMPLETED", first, second, attempt(3, "COMPLETED")),
    ):
        api.answer(GET, view)
    out = run("jobs", "watch", "order-1").stdout
    assert out.count("attempt 1 failed") == 1
    assert out.count("attempt 2 failed") == 1
    assert "attempt 3 failed" not in out


def test_watch_of_a_parked_job_says_how_to_bring_it_home(api: CannedApi, run: Run) -> None:
    step = {"id": "fetch", "type": "HTTP_CALL", "status": "DEAD_LETTERED", "attempts": [attempt(1, "FAILED")]}
    api.answer(GET, job_view(status="DEAD_LETTERED", steps=[step], output=None))
    result = run("jobs", "watch", "order-1")
    assert result.exit_code == 5
    assert "perdure jobs retry default:order-1" in result.stderr
    assert "temporal workflow signal --workflow-id default:order-1 --name retry" in result.stderr


def test_watch_is_not_fooled_by_a_view_that_lags_behind_a_retry(api: CannedApi, run: Run) -> None:
    for status in ("DEAD_LETTERED", "RUNNING", "COMPLETED"):
        api.answer(GET, job_view(status=status))
    assert run("jobs", "watch", "order-1").exit_code == 0
    assert ("consistency", "strong") in api.got[1].query


def test_watch_json_is_one_document_at_the_end(api: CannedApi, run: Run) -> None:
    for status in ("RUNNING", "FAILED"):
        api.answer(GET, job_view(status=status))
    result = run("jobs", "watch", "order-1", "-o", "json")
    assert result.exit_code == 5
    assert json.loads(result.stdout)["status"] == "FAILED"


def test_watch_gives_up_with_5(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view(status="RUNNING"))
    result = run("jobs", "watch", "order-1", "--timeout", "0.2")
    assert result.exit_code == 5
    assert "still RUNNING" in result.stderr


def test_submit_watch_ends_with_the_job(api: CannedApi, run: Run, spec: str) -> None:
    api.answer("POST /v1/jobs", job_view(status="QUEUED"), 202)
    api.answer(GET, job_view(status="FAILED"))
    result = run("jobs", "submit", spec, "--watch", "-o", "json")
    assert result.exit_code == 5
    assert json.loads(result.stdout)["status"] == "FAILED"
