"""Decisions, options, exit codes: what all commands have in common."""

import json
import re

import pytest

from tests.unit.canned_api import CannedApi, job_view
from tests.unit.cli.conftest import GET, Run


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list", "--status", "SLEEPY"),
        ("jobs", "list", "--label", "nothing"),
        ("jobs", "list", "--limit", "201"),
        ("jobs", "list", "--limit", "many"),
        ("-o", "yaml", "jobs", "list"),
        ("jobs", "list", "-o", "yaml"),
        ("jobs", "list", "--server", "localhost:8080"),
        ("jobs", "frobnicate"),
        ("frobnicate",),
        ("jobs", "get"),
    ],
)
def test_wrong_usage_exits_2_and_calls_nobody(api: CannedApi, run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert api.got == []
    assert not re.search("Input should|Value error|valid integer", result.stderr)


@pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 3), (404, 4), (409, 1), (500, 1), (503, 1)])
def test_exit_codes_of_refusals(api: CannedApi, run: Run, status: int, code: int) -> None:
    api.problem(GET, status, "API.X", detail="why it is so")
    result = run("jobs", "get", "order-1", "-o", "json")
    assert (result.exit_code, result.stdout) == (code, "")
    assert "why it is so" in result.stderr
    assert "API.X" in result.stderr


def test_no_answer_exits_1_and_names_perdure_dev(run: Run) -> None:
    result = run("jobs", "list", "--server", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "http://127.0.0.1:9" in result.stderr
    assert "perdure dev" in result.stderr


def test_retry_sends_reason_and_steps(api: CannedApi, run: Run) -> None:
    api.answer("POST /v1/jobs/default:order-1/retry", {"steps": ["fetch", "store"], "job": job_view()}, 202)
    result = run("jobs", "retry", "order-1", "--reason", "mended", "--step", "fetch", "--step", "store")
    assert result.exit_code == 0, result.output
    assert json.loads(api.got[0].body) == {"reason": "mended", "steps": ["fetch", "store"]}
    assert "fetch, store" in result.stdout


def test_cancel_sends_the_reason_and_asks_nobody_without_a_terminal(api: CannedApi, run: Run) -> None:
    api.answer("POST /v1/jobs/default:order-1/cancel", {"steps": [], "job": job_view()}, 202)
    assert run("jobs", "cancel", "order-1", "--reason", "enough").exit_code == 0
    assert json.loads(api.got[0].body) == {"reason": "enough"}


def test_options_count_before_and_after_and_the_nearer_wins(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view())
    result = run("--api-key", "outer", "-o", "table", "jobs", "--api-key", "inner", "get", "order-1", "-o", "json")
    assert json.loads(result.stdout)["id"] == "default:order-1"
    assert api.got[0].headers["authorization"] == "Bearer inner"


def test_an_option_outranks_the_environment_wherever_it_stands(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view())
    run("--api-key", "outer", "jobs", "get", "order-1")
    assert api.got[0].headers["authorization"] == "Bearer outer"


def test_version_is_printed_either_way(run: Run) -> None:
    assert run("version").stdout == run("--version").stdout
    assert json.loads(run("version", "-o", "json").stdout)["version"] in run("version").stdout
