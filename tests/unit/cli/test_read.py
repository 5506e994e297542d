"""`perdure jobs get` and `list`: what is shown, in tables and in JSON."""

import json

import pytest

from tests.unit.canned_api import CannedApi, attempt, job_view
from tests.unit.cli.conftest import GET, Run


def test_get_shows_steps_attempts_and_errors(api: CannedApi, run: Run) -> None:
    failing = {
        "id": "fetch",
        "type": "HTTP_CALL",
        "status": "RETRYING",
        "started_at": "2026-11-22T10:00:00Z",
        "completed_at": None,
        "output": None,
        "error": None,
        "attempts": [attempt(1, "FAILED", next_retry_at="2026-11-22T10:00:02.200Z"), attempt(2, None, live=True)],
    }
    api.answer(GET, job_view(status="RETRYING", steps=[failing], output=None, completed_at=None))
    out = run("jobs", "get", "order-1").stdout
    assert "default:order-1  hello  RETRYING" in out
    assert "STEP.HTTP.5XX (TRANSIENT): the partner answered 500 → next try after 2.00 s" in out


def test_get_json_is_the_api_s_own(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view())
    result = run("-o", "json", "jobs", "get", "default:order-1")
    assert json.loads(result.stdout) == job_view()
    assert result.stderr == ""


def test_get_journal_follows_the_pages(api: CannedApi, run: Run) -> None:
    api.answer(GET, job_view())
    for seq, more in ((1, True), (2, False)):
        entry = {"seq": seq, "type": f"EVENT_{seq}", "at": "2026-11-22T10:00:00Z", "event_id": seq, "data": {}}
        page = {"data": [entry], "page": {"cursor": f"c{seq}" if more else None, "has_more": more}}
        api.answer(f"{GET}/journal", page)
    out = run("jobs", "get", "order-1", "--journal").stdout
    assert "EVENT_1" in out
    assert "EVENT_2" in out


def test_output_of_a_partner_cannot_steer_the_terminal(api: CannedApi, run: Run) -> None:
    evil = "\x1b]0;owned\x07\x1b[31m [bold]x[/bold] "
    api.answer(GET, job_view(status_reason=evil, output={"text": evil}, name=evil))
    out = run("jobs", "get", "order-1").stdout
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "[bold]x[/bold]" in out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("order-1", "default:order-1"),
        ("default:order-1", "default:order-1"),
        ("acme:order-1", "acme:order-1"),
        ("Order:1", "default:Order:1"),
        (":x", "default::x"),
    ],
)
def test_an_id_without_a_tenant_is_of_the_default_tenant(api: CannedApi, run: Run, typed: str, meant: str) -> None:
    run("jobs", "get", typed)
    assert api.got[0].path == f"/v1/jobs/{meant}"


def test_list_shows_a_row_a_job_and_says_that_there_are_more(api: CannedApi, run: Run) -> None:
    rows = [job_view(id="default:a"), job_view(id="default:b", status="FAILED")]
    api.answer("GET /v1/jobs", {"data": rows, "page": {"cursor": "c", "has_more": True}})
    query = ("--status", "completed", "--status", "FAILED", "--label", "a=b", "--type", "INLINE", "--limit", "2")
    result = run("jobs", "list", *query)
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["id", "default:a", "default:b"]
    assert "--all" in result.stderr
    assert dict(api.got[0].query) == {"status": "FAILED", "label": "a=b", "type": "INLINE", "limit": "2"}
    assert ("status", "COMPLETED") in api.got[0].query


def test_list_is_narrowed_by_whatever_the_api_can_find_by(api: CannedApi, run: Run) -> None:
    api.answer("GET /v1/jobs", {"data": [], "page": {"cursor": None, "has_more": False}})
    query = {"queue": "eu", "code": "A.B", "fingerprint": "f", "correlation-id": "c", "trace-id": "t", "parent": "p"}
    query |= {"submitted-by": "key:x", "since": "s", "until": "u", "words": "two words", "sort": "-execution_ms"}
    result = run("jobs", "list", *(word for name, value in query.items() for word in (f"--{name}", value)))
    assert result.exit_code == 0, result.output
    sent = dict(api.got[0].query)
    assert (sent.pop("parent"), sent.pop("q"), sent.pop("error_code")) == ("default:p", "two words", "A.B")
    assert sent.pop("limit") == "50"
    assert sent == {name.replace("-", "_"): query[name] for name in query if name not in ("parent", "words", "code")}


def test_list_all_follows_the_cursor_into_one_document(api: CannedApi, run: Run) -> None:
    api.answer("GET /v1/jobs", {"data": [job_view(id="default:a")], "page": {"cursor": "c", "has_more": True}})
    api.answer("GET /v1/jobs", {"data": [job_view(id="default:b")], "page": {"cursor": None, "has_more": False}})
    found = json.loads(run("jobs", "list", "--all", "-o", "json").stdout)
    assert [job["id"] for job in found["data"]] == ["default:a", "default:b"]
    assert found["page"] == {"cursor": None, "has_more": False}
    assert ("cursor", "c") in api.got[1].query


def test_list_of_nothing_prints_nothing_to_stdout(api: CannedApi, run: Run) -> None:
    api.answer("GET /v1/jobs", {"data": [], "page": {"cursor": None, "has_more": False}})
    result = run("jobs", "list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No jobs.\n")


def test_get_shows_the_jobs_that_a_job_started(api: CannedApi, run: Run) -> None:
    child = {"id": "default:order-1~~mail", "name": "mail", "status": "WAITING"}
    api.answer(GET, job_view(children=[child]))
    rows = [line.split() for line in run("jobs", "get", "order-1").stdout.splitlines()]
    assert ["default:order-1~~mail", "WAITING", "mail"] in rows


def test_get_shows_what_matters_of_an_http_answer(api: CannedApi, run: Run) -> None:
    answer = {"status": 201, "headers": {"date": "x" * 200}, "body": {"order": "A-1"}}
    step = {"id": "order", "type": "HTTP_CALL", "status": "COMPLETED", "output": answer, "attempts": []}
    api.answer(GET, job_view(steps=[step]))
    out = run("jobs", "get", "order-1").stdout
    assert 'HTTP 201 {"order": "A-1"}' in out
    assert "xxx" not in out
