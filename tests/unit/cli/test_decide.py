"""Decisions on the command line: what is sent, what is said, what is refused before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from perdure.cli.api_command import Session
from tests.unit.canned_api import CannedApi, job_view
from tests.unit.cli.conftest import Run

JOB, PARKED = "POST /v1/jobs/default:order-1/", "POST /v1/dead-letters/default:order-1/"
WHY = ("--reason", "mended")


def canned(api: CannedApi, request: str, **fields: Any) -> None:
    api.answer(request, {"job_id": "default:order-1", "steps": ["book"], "job": job_view(**fields)}, 202)


@pytest.mark.parametrize(
    ("words", "request_", "body"),
    [
        (("jobs", "cancel", "order-1", *WHY), f"{JOB}cancel", {"reason": "mended"}),
        (("jobs", "cancel", "order-1"), f"{JOB}cancel", {}),
        (("jobs", "terminate", "order-1", *WHY, "--yes"), f"{JOB}terminate", {"reason": "mended"}),
        (("jobs", "pause", "order-1"), f"{JOB}pause", {}),
        (("jobs", "resume", "order-1", *WHY), f"{JOB}resume", {"reason": "mended"}),
        (("jobs", "retry", "order-1"), f"{JOB}retry", {}),
        (
            ("jobs", "retry", "order-1", "--from-step", "book", "--force", *WHY),
            f"{JOB}retry",
            {"reason": "mended", "from_step": "book", "force": True},
        ),
        (
            ("jobs", "retry", "order-1", "--patch", '{"book": {"n": 1.50}}'),
            f"{JOB}retry",
            {"patch": {"book": {"n": 1.5}}},
        ),
        (("jobs", "deliver", "order-1", "go"), f"{JOB}deliver", {"name": "go", "payload": None}),
        (
            ("jobs", "deliver", "order-1", "pay", "--payload", '{"a": [1, null]}', *WHY),
            f"{JOB}deliver",
            {"name": "pay", "payload": {"a": [1, None]}, "reason": "mended"},
        ),
        (("jobs", "approve", "order-1"), f"{JOB}approve", {"decision": "approve"}),
        (
            ("jobs", "approve", "order-1", "--reject", "--step", "book", *WHY),
            f"{JOB}approve",
            {"decision": "reject", "step": "book", "reason": "mended"},
        ),
        (
            ("dead-letters", "retry", "order-1", *WHY, "--step", "book.7", "--step", "book.compensate"),
            f"{PARKED}retry",
            {"reason": "mended", "steps": ["book.7", "book.compensate"]},
        ),
        (
            ("dead-letters", "skip", "order-1", *WHY, "--step", "book", "--with-output", "null"),
            f"{PARKED}skip",
            {"reason": "mended", "step": "book", "output": None},
        ),
        (("dead-letters", "discard", "order-1", *WHY, "--yes"), f"{PARKED}discard", {"reason": "mended"}),
    ],
)
def test_what_is_said_is_what_is_sent(
    api: CannedApi, run: Run, words: tuple[str, ...], request_: str, body: dict[str, Any]
) -> None:
    canned(api, request_)
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert json.loads(api.got[0].body) == body
    assert "idempotency-key" not in api.got[0].headers
    assert result.stdout.startswith("default:order-1")


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "pause", "order-1"),
        ("jobs", "deliver", "order-1", "go"),
        ("dead-letters", "discard", "order-1", *WHY),
    ],
)
def test_a_key_makes_it_one_decision(api: CannedApi, run: Run, words: tuple[str, ...]) -> None:
    canned(api, (PARKED if words[0] == "dead-letters" else JOB) + words[1])
    assert run(*words, "--key", "k-1").exit_code == 0
    assert api.got[0].headers["idempotency-key"] == "k-1"


def test_json_is_the_apis_own_and_nothing_else(api: CannedApi, run: Run) -> None:
    canned(api, f"{JOB}pause", status="PAUSED")
    result = run("jobs", "pause", "order-1", "-o", "json")
    assert json.loads(result.stdout)["job"]["status"] == "PAUSED"
    assert result.stderr == ""


def test_what_to_do_next_is_said_while_the_job_is_open(api: CannedApi, run: Run) -> None:
    canned(api, f"{JOB}resume", status="RUNNING")
    canned(api, f"{JOB}terminate", status="TERMINATED")
    assert "perdure jobs watch default:order-1" in run("jobs", "resume", "order-1").stderr
    assert "watch" not in run("jobs", "terminate", "order-1").stderr


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "retry", "order-1", "--patch", "no json"),
        ("jobs", "retry", "order-1", "--patch", "[]"),
        ("jobs", "retry", "order-1", "--patch", '{"a": {"x": 1}, "a": {}}'),
        ("jobs", "retry", "order-1", "--patch", "@no-such-file"),
        ("jobs", "deliver", "order-1"),
        ("jobs", "deliver", "order-1", "go", "--payload", "hello"),
        ("jobs", "deliver", "order-1", "go", "--payload", "9007199254740993"),
        ("jobs", "deliver", "order-1", "go", "--payload", "NaN"),
        ("jobs", "deliver", "order-1", "go", "--payload", ""),
        ("jobs", "resubmit", "order-1", "--input", "{"),
        ("dead-letters", "retry", "order-1"),
        ("dead-letters", "discard", "order-1"),
        ("dead-letters", "skip", "order-1", *WHY, "--step", "book"),
        ("dead-letters", "skip", "order-1", *WHY, "--with-output", "1"),
        ("dead-letters", "frobnicate"),
    ],
)
def test_wrong_usage_exits_2_and_calls_nobody(api: CannedApi, run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2
    assert api.got == []


def test_a_payload_can_come_from_a_file_or_stdin(api: CannedApi, run: Run, tmp_path: Path) -> None:
    canned(api, f"{JOB}deliver")
    (tmp_path / "payload.json").write_text('{"from": "Grüße"}')
    run("jobs", "deliver", "order-1", "go", "--payload", "@payload.json")
    run("jobs", "deliver", "order-1", "go", "--payload", "@-", stdin='"stdin"')
    assert [json.loads(got.body)["payload"] for got in api.got] == [{"from": "Grüße"}, "stdin"]


def test_resubmit_names_the_new_job(api: CannedApi, run: Run) -> None:
    api.answer(f"{JOB}resubmit", job_view(id="default:again", status="QUEUED"), 202)
    result = run("jobs", "resubmit", "order-1", *WHY, "--from-step", "book", "--input", "null", "--id", "again")
    assert json.loads(api.got[0].body) == {"reason": "mended", "from_step": "book", "input": None}
    assert api.got[0].headers["idempotency-key"] == "again"
    assert result.stdout == "default:again accepted\n"


def test_resubmit_leaves_the_input_as_it_was(api: CannedApi, run: Run) -> None:
    api.answer(f"{JOB}resubmit", job_view(id="default:again"), 200, {"Idempotent-Replayed": "true"})
    result = run("jobs", "resubmit", "order-1")
    assert json.loads(api.got[0].body) == {}
    assert "was there already" in result.stdout


@pytest.mark.parametrize(
    "words",
    [("jobs", "cancel", "x"), ("jobs", "terminate", "x"), ("dead-letters", "discard", "x", *WHY)],
)
def test_a_person_is_asked_before_what_is_final(
    api: CannedApi, run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    asked: list[str] = []

    def confirm(_: Session, question: str) -> None:
        asked.append(question)
        raise typer.Abort

    monkeypatch.setattr(Session, "confirm", confirm)
    assert run(*words).exit_code == 1
    assert len(asked) == 1
    assert api.got == []


@pytest.mark.parametrize(("status", "code"), [(401, 3), (403, 3), (404, 4), (409, 1), (422, 1), (504, 1)])
def test_exit_codes_of_refusals(api: CannedApi, run: Run, status: int, code: int) -> None:
    api.problem(f"{PARKED}retry", status, "API.X", detail="why it is so")
    result = run("dead-letters", "retry", "order-1", *WHY)
    assert (result.exit_code, result.stdout) == (code, "")
    assert "why it is so" in result.stderr
