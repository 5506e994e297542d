"""`perdure bulk-actions` and the lists of dead letters: what is sent, what is told, which exit code."""

import json
from typing import Any

import pytest

from tests.unit.canned_api import CannedApi
from tests.unit.cli.conftest import Run

POST = "POST /v1/bulk-actions"
ID = "01a2049e-5f52-75bd-a2fc-64d9b6e1ed32"
WHY = ("--reason", "mended")


def action(**fields: Any) -> dict[str, Any]:
    done = {"finished_at": "2026-11-22T12:00:00.000Z", "counts": {"ACCEPTED": 2}, "status": "COMPLETED"}
    return {"id": ID, "action": "retry", "total": 2, **done, **fields}


def test_every_option_is_sent(api: CannedApi, run: Run) -> None:
    api.answer(POST, action(), 202)
    chosen: tuple[str, ...] = (
        "--code",
        "STEP.HTTP.5XX",
        "--class",
        "transient",
        "--fingerprint",
        "f",
        "--http-status",
        "500",
    )
    chosen += ("--at-step", "pay", "--type", "T", "--queue", "q", "--label", "a=b", "-q", "x y")
    chosen += ("--since", "2026-01-01T00:00:00Z", "--until", "2026-01-02T00:00:00Z")
    chosen += ("--older-than", "2h", "--younger-than", "1d")
    careful = ("--canary", "5", "--canary-within", "1m", "--rate", "2.5", "--force", "--key", "k-1")
    result = run("bulk-actions", "start", "retry", *WHY, *chosen, *careful)
    assert (result.exit_code, "2 accepted of 2 jobs" in result.stdout) == (0, True)
    (got,) = api.got
    assert got.headers["idempotency-key"] == "k-1"
    assert json.loads(got.body) == {
        "action": "retry",
        "reason": "mended",
        "filter": {
            "error_code": "STEP.HTTP.5XX",
            "error_class": "TRANSIENT",
            "fingerprint": "f",
            "http_status": 500,
            "step": "pay",
            "type": "T",
            "queue": "q",
            "labels": {"a": "b"},
            "since": "2026-01-01T00:00:00Z",
            "until": "2026-01-02T00:00:00Z",
            "older_than": "2h",
            "younger_than": "1d",
            "q": "x y",
        },
        "canary": 5,
        "canary_within": "1m",
        "rate_per_second": 2.5,
        "force": True,
    }


def test_a_skip_sends_its_output_also_null(api: CannedApi, run: Run) -> None:
    api.answer(POST, action(), 202)
    run("bulk-actions", "start", "skip", *WHY, "--job", "order-1", "--step", "pay", "--with-output", "null")
    sent = json.loads(api.got[0].body)
    assert (sent["ids"], sent["step"], sent["output"]) == (["default:order-1"], "pay", None)


def test_it_is_followed_to_its_end_and_what_refused_is_named(api: CannedApi, run: Run) -> None:
    api.answer(POST, action(status="RUNNING", finished_at=None), 202)
    api.answer(f"GET /v1/bulk-actions/{ID}", action(counts={"ACCEPTED": 1, "REFUSED": 1}))
    refused = {"position": 1, "job_id": "default:x", "status": "REFUSED", "code": "API.JOB_CLOSED", "detail": "ended"}
    api.answer(f"GET /v1/bulk-actions/{ID}/items", {"data": [refused], "page": {}})
    result = run("bulk-actions", "start", "discard", *WHY, "--fingerprint", "f")
    assert result.exit_code == 1
    assert "default:x  REFUSED  API.JOB_CLOSED: ended" in result.stdout


def test_more_that_refused_than_is_shown_are_counted(api: CannedApi, run: Run) -> None:
    api.answer(f"GET /v1/bulk-actions/{ID}", action(total=50, counts={"REFUSED": 50}))
    one = {"job_id": "default:x", "status": "REFUSED", "code": "API.JOB_CLOSED", "detail": "ended"}
    items = [{**one, "position": number} for number in range(20)]
    api.answer(f"GET /v1/bulk-actions/{ID}/items", {"data": items, "page": {"cursor": "20", "has_more": True}})
    shown = run("bulk-actions", "get", ID)
    assert (shown.exit_code, "and 30 more REFUSED" in shown.stdout) == (1, True)


def test_following_bears_an_api_that_restarts(api: CannedApi, run: Run) -> None:
    path = f"GET /v1/bulk-actions/{ID}"
    going = action(status="RUNNING", finished_at=None, counts={"PENDING": 2})
    api.answer(POST, going, 202)
    api.answer(path, going)
    api.problem(path, 503, "API.UNAVAILABLE")
    api.answer(path, action())
    result = run("bulk-actions", "start", "retry", *WHY, "--fingerprint", "f")
    assert (result.exit_code, "2 accepted of 2 jobs" in result.stdout) == (0, True)


def test_lists_take_every_filter(api: CannedApi, run: Run) -> None:
    given = {
        "code": ("error_code", "X"),
        "class": ("error_class", "LOST"),
        "fingerprint": ("fingerprint", "f"),
        "http-status": ("http_status", "500"),
        "at-step": ("step", "pay"),
        "type": ("type", "T"),
        "queue": ("queue", "q"),
        "label": ("label", "a=b"),
        "since": ("since", "2026-01-01T00:00:00Z"),
        "until": ("until", "2026-01-02T00:00:00Z"),
        "older-than": ("older_than", "2h"),
        "younger-than": ("younger_than", "1d"),
        "words": ("q", "x"),
    }
    words = [word for name, (_, value) in given.items() for word in (f"--{name}", value)]
    for command, path, more in (("list", "", []), ("groups", "/groups", ["--state", "parked"])):
        api.answer(f"GET /v1/dead-letters{path}", {"data": [], "page": {}})
        assert run("dead-letters", command, *words, *more).exit_code == 0
        assert dict(api.got[-1].query) == {**dict(given.values()), "limit": "50"}
    both = ("code", "fingerprint", "type", "queue", "label", "words")
    api.answer("GET /v1/retrying", {"data": [], "page": {}})
    assert run("dead-letters", "retrying", *(w for name in both for w in (f"--{name}", given[name][1]))).exit_code == 0
    assert dict(api.got[-1].query) == {**dict(given[name] for name in both), "limit": "50"}


def test_a_dry_run_only_counts(api: CannedApi, run: Run) -> None:
    api.answer(POST, {"dry_run": True, "action": "retry", "total": 30, "sample": ["default:a"]})
    result = run("bulk-actions", "start", "retry", *WHY, "--code", "X", "--dry-run")
    assert (result.exit_code, json.loads(api.got[0].body)["dry_run"]) == (0, True)
    assert "about 30 jobs" in result.stdout
    assert "nothing is parked now" not in result.stdout
    assert "and 29 more" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("bulk-actions", "start", "retry", "--code", "X"),
        ("bulk-actions", "start", "explode", *WHY, "--code", "X"),
        ("bulk-actions", "start", "retry", *WHY, "--label", "x"),
        ("bulk-actions", "start", "retry", *WHY, "--code", "X", "--canary", "0"),
        ("bulk-actions", "start", "skip", *WHY, "--code", "X", "--with-output", "{"),
        ("bulk-actions", "start", "retry", *WHY),
        ("bulk-actions", "start", "retry", *WHY, "--code", "X", "--job", "a"),
        ("bulk-actions", "start", "skip", *WHY, "--code", "X", "--step", "a"),
        ("bulk-actions", "start", "retry", *WHY, "--code", "X", "--step", "a"),
        ("bulk-actions", "abort", ID),
        ("dead-letters", "list", "--http-status", "99"),
        ("dead-letters", "give-up", "x", *WHY),
    ],
)
def test_misuse_is_exit_code_2_and_nothing_is_sent(api: CannedApi, run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2
    assert api.got == []


def test_lists_send_their_filter_and_print_what_is_parked(api: CannedApi, run: Run) -> None:
    error = {"code": "STEP.BAD", "class": "PERMANENT", "message": "no \x1b[31m", "fingerprint": "f"}
    at = "2026-11-22T12:00:00.000Z"
    unit = {"unit": "pay", "parked_at": at, "error": error, "runbook": "deploy/runbooks/step-permanent.md"}
    row = {"id": "default:a", "parked_at": at, "parked_count": 3, "parked": [unit]}
    job = {"id": "default:a", "name": "order", "status": "DEAD_LETTERED"}
    api.answer("GET /v1/dead-letters", {"data": [{**row, "job": job}], "page": {"cursor": "c", "has_more": True}})
    listed = run("dead-letters", "list", "--label", "a=b", "--at-step", "pay", "--limit", "1")
    assert listed.exit_code == 0, listed.output
    assert api.got[0].query == [("label", "a=b"), ("step", "pay"), ("limit", "1")]
    assert "pay and 2 more" in listed.stdout
    assert "\x1b" not in listed.stdout
    api.answer("GET /v1/dead-letters/default:a", {**row, "job": job})
    shown = run("dead-letters", "get", "a")
    assert "read deploy/runbooks/step-permanent.md" in shown.stdout
    group = {"fingerprint": "f", "error": error, "count": 3, "jobs": 2, "first_seen": at, "last_seen": at}
    seen = {"count": 2, "resolved": 1, "first_seen": at, "last_seen": at}
    types = [{"type": f"run@{version}", **seen} for version in (5, 4, 3, 2)]
    group |= {"example": "default:a", "job_types": types}
    api.answer("GET /v1/dead-letters/groups", {"data": [group], "page": {}})
    told = run("dead-letters", "groups").stdout
    assert "STEP.BAD" in told
    assert "run@5 3, run@4 3, run@3 3, 1 more" in told
