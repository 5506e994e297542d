"""`perdure projection ...` against canned answers: what is sent, waited for and told, and the exit codes."""

import json
from typing import Any

import pytest

from tests.unit.canned_api import CannedApi
from tests.unit.cli.conftest import Run

CHECK, REBUILD, STATE = "POST /v1/projection/check", "POST /v1/projection/rebuild", "GET /v1/projection"
FINDING = {
    "kind": "DIFFERENT",
    "job_id": "default:a",
    "table": "jobs",
    "row": "default:a",
    "columns": ["status"],
    "problem": None,
}


def operation(kind: str = "CHECK", **fields: Any) -> dict[str, Any]:
    counts = {"jobs": 3, "runs": 3, "drifted": 0, "mended": 0, "moving": 0, "unreadable": 0, "unknown": 0}
    done = {"status": "COMPLETED", "finished_at": "2026-11-22T12:00:00Z", "digest": "00ff", "findings": []}
    return {"id": "op", "kind": kind, **done, **fields, "counts": counts | fields.get("counts", {})}


def answer(api: CannedApi, route: str, done: dict[str, Any]) -> None:
    api.answer(route, done | {"status": "QUEUED", "finished_at": None}, 202)
    api.answer(STATE, {"complete_until": None, "set_aside": [], "operations": [operation(id="other"), done]})


def test_a_check_that_finds_nothing_exits_0(api: CannedApi, run: Run) -> None:
    answer(api, CHECK, operation())
    result = run("projection", "check")
    assert result.exit_code == 0, result.output
    assert result.stdout == "check completed: 3 jobs, 0 not as their histories\n"
    assert json.loads(api.got[0].body) == {}


def test_a_check_that_finds_drift_names_it_and_exits_1(api: CannedApi, run: Run) -> None:
    answer(api, CHECK, operation(counts={"drifted": 1, "moving": 2}, findings=[FINDING]))
    result = run("projection", "check", "--job", "a", "--job", "acme:b", "--reason", "why")
    assert result.exit_code == 1
    assert "DIFFERENT  default:a  jobs default:a  status\n" in result.stdout
    assert "1 not as their histories, 2 still moving" in result.stdout
    assert json.loads(api.got[0].body) == {"reason": "why", "job_ids": ["default:a", "acme:b"]}


@pytest.mark.parametrize(
    ("counts", "status", "code"),
    [
        ({"drifted": 2, "mended": 2}, "COMPLETED", 0),
        ({"unreadable": 1}, "COMPLETED", 1),
        ({"unknown": 1}, "COMPLETED", 1),
        ({}, "FAILED", 1),
    ],
)
def test_a_rebuild_exits_by_what_is_right_now(
    api: CannedApi, run: Run, counts: dict[str, int], status: str, code: int
) -> None:
    answer(api, REBUILD, operation("REBUILD", counts=counts, status=status))
    assert run("projection", "rebuild", "--yes").exit_code == code


def test_json_is_the_operation(api: CannedApi, run: Run) -> None:
    answer(api, CHECK, operation(counts={"drifted": 1}, findings=[FINDING]))
    result = run("projection", "check", "-o", "json")
    assert json.loads(result.stdout)["findings"] == [FINDING]


def test_who_waits_no_longer_exits_5(api: CannedApi, run: Run) -> None:
    answer(api, CHECK, operation(status="RUNNING", finished_at=None))
    assert run("projection", "check", "--timeout", "0").exit_code == 5


def test_one_under_way_is_an_error(api: CannedApi, run: Run) -> None:
    api.problem(CHECK, 409, "API.CONFLICT", detail="a check is waiting or under way already")
    result = run("projection", "check")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "under way already" in result.stderr
