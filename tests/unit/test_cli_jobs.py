"""`perdure jobs ...` against a server that plays the API: what is printed where, and the exit codes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from perdure.cli.main import app
from tests.unit.canned_api import CannedApi, attempt, job_view

GET = "GET /v1/jobs/default:order-1"
Run = Callable[..., Result]


@pytest.fixture
def api() -> Iterator[CannedApi]:
    api = CannedApi()
    yield api
    api.close()


@pytest.fixture
def run(api: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty directory, with server and key from the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERDURE_SERVER", api.url)
    monkeypatch.setenv("PERDURE_API_KEY", "pdr_env_key")
    return lambda *words, stdin=None: CliRunner().invoke(app, list(words), input=stdin)


@pytest.fixture
def spec(tmp_path: Path) -> str:
    file = tmp_path / "job.json"
    file.write_bytes(b'{"name": "hello",  "steps": []}\n')
    return str(file)


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


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list", "--status", "SLEEPY"),
        ("jobs", "list", "--label", "nothing"),
        ("jobs", "list", "--limit", "201"),
        ("jobs", "list", "-o", "yaml"),
        ("jobs", "list", "--server", "localhost:8080"),
        ("jobs", "frobnicate"),
        ("frobnicate",),
        ("jobs", "get"),
    ],
)
def test_wrong_usage_exits_2_and_calls_nobody(api: CannedApi, run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2
    assert api.got == []


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
