"""`perdure jobs ...` on a real stack: real jobs, real exit codes, JSON that a program can read."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.integration.cli.conftest import Cli, Done
from tests.server.stack import ROOT

T = TypeVar("T")
HELLO = str(ROOT / "examples" / "hello.json")
DEAD_LETTER = str(ROOT / "examples" / "dead-letter.json")


def sleeping(seconds: int) -> dict[str, Any]:
    return {"name": "sleep", "steps": [{"id": "nap", "type": "SLEEP", "with": {"duration": f"{seconds}s"}}]}


def until(look: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """The first look that is as wanted: lists and journals may be a moment behind the job."""
    deadline = time.monotonic() + 60
    while not wanted(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.1)
    return seen


def answered(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ids(page: Any) -> set[str]:
    return {job["id"] for job in page["data"]}


@pytest.mark.parametrize("example", ["hello", "flaky", "dag"])
def test_examples_run_to_their_end(cli: Cli, key: str, example: str) -> None:
    done = cli("jobs", "submit", str(ROOT / "examples" / f"{example}.json"), "--id", key, "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "job COMPLETED" in done.stdout


def test_submit_get_list_and_journal_tell_the_same_job(cli: Cli, key: str) -> None:
    submitted = json.loads(cli("jobs", "submit", HELLO, "--id", key, "-o", "json").stdout)
    assert submitted["id"] == f"default:{key}"
    assert cli("jobs", "watch", key).returncode == 0
    got = json.loads(cli("jobs", "get", key, "-o", "json").stdout)
    assert (got["status"], got["output"]["greeting"]) == ("COMPLETED", "Hello, world!")
    until(
        lambda: answered(cli("jobs", "list", "--status", "COMPLETED", "--limit", "200", "-o", "json")),
        lambda page: f"default:{key}" in ids(page),
    )
    journal = until(
        lambda: [entry["type"] for entry in answered(cli("jobs", "get", key, "--journal", "-o", "json"))["data"]],
        lambda types: "JOB_COMPLETED" in types,
    )
    assert (journal[0], journal[-1]) == ("JOB_SUBMITTED", "JOB_COMPLETED")


def test_submitting_again_starts_nothing_new(cli: Cli, key: str) -> None:
    first = cli("jobs", "submit", HELLO, "--id", key)
    again = cli("jobs", "submit", HELLO, "--id", key)
    other = cli("jobs", "submit", DEAD_LETTER, "--id", key)
    assert "accepted" in first.stdout
    assert "was there already" in again.stdout
    assert (other.returncode, other.stdout) == (1, "")
    assert "API.IDEMPOTENCY_KEY_REUSED" in other.stderr


def test_a_label_finds_its_jobs_only(cli: Cli, key: str) -> None:
    spec = {**sleeping(1), "labels": {"test": key}}
    for number in range(3):
        assert cli("jobs", "submit", "-", "--id", f"{key}-{number}", stdin=spec).returncode == 0
    assert cli("jobs", "watch", f"{key}-2").returncode == 0
    label = ("jobs", "list", "--label", f"test={key}", "-o", "json")
    whole = until(lambda: answered(cli(*label, "--all")), lambda page: len(page["data"]) >= 3)
    assert ids(whole) == {f"default:{key}-{number}" for number in range(3)}
    first = answered(cli(*label, "--limit", "2"))
    assert (len(first["data"]), first["page"]["has_more"]) == (2, True)


def test_a_parked_job_is_brought_home_by_retry(cli: Cli, key: str) -> None:
    parked = cli("jobs", "submit", DEAD_LETTER, "--id", key, "--watch")
    assert parked.returncode == 5
    assert f"perdure jobs retry default:{key}" in parked.stderr
    early = cli("jobs", "retry", key, "--step", "prepare")
    assert early.returncode == 1
    accepted = cli("jobs", "retry", key, "--reason", "the depot has opened", "--step", "deliver")
    assert accepted.returncode == 0, accepted.stderr
    watched = cli("jobs", "watch", key)
    assert watched.returncode == 0, watched.stdout + watched.stderr
    shown = until(lambda: cli("jobs", "get", key, "--journal").stdout, lambda text: "JOB_COMPLETED" in text)
    assert "the depot has opened" in shown
    assert "JOB_RETRY_REQUESTED" in shown


def test_retry_of_a_job_that_is_not_parked_is_refused(cli: Cli, key: str) -> None:
    cli("jobs", "submit", HELLO, "--id", key, "--watch")
    refused = cli("jobs", "retry", key, "--reason", "why not")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "API." in refused.stderr


def test_a_cancelled_job_ends_canceled_and_watch_exits_5(cli: Cli, key: str) -> None:
    cli("jobs", "submit", "-", "--id", key, stdin=sleeping(300))
    done = cli("jobs", "cancel", key, "--reason", "not needed")
    assert done.returncode == 0, done.stderr
    assert cli("jobs", "watch", key).returncode == 5
    assert answered(cli("jobs", "get", key, "-o", "json"))["status"] == "CANCELED"


def test_problems_name_file_place_and_code(cli: Cli, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({"name": "x", "steps": [{"id": "a", "type": "LOG", "with": {}, "depends_on": ["zz"]}]}))
    refused = cli("jobs", "submit", str(bad))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "bad.json" in refused.stderr
    assert "API.SPEC.STEP_UNKNOWN" in refused.stderr
    assert "depends_on" in refused.stderr


def test_what_is_not_json_is_refused_by_the_api(cli: Cli, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"name": "x", "name": "y"}')
    refused = cli("jobs", "submit", str(bad))
    assert refused.returncode == 1
    assert "API.BODY" in refused.stderr


def test_dry_run_starts_nothing(cli: Cli, key: str) -> None:
    done = cli("jobs", "submit", HELLO, "--id", key, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert cli("jobs", "get", key).returncode == 4


def test_exit_codes_for_no_right_and_no_job(cli: Cli) -> None:
    assert cli("jobs", "get", "no-such-job").returncode == 4
    assert cli("jobs", "get", "no-such-job", PERDURE_API_KEY="pdr_wrong_key").returncode == 3
    assert cli("jobs", "list", "--api-key", "pdr_wrong_key").returncode == 3


def test_watch_waits_while_the_job_runs_and_gives_up_in_time(cli: Cli, key: str) -> None:
    cli("jobs", "submit", "-", "--id", key, stdin=sleeping(60))
    assert cli("jobs", "watch", key, "--timeout", "1").returncode == 5
    cli("jobs", "cancel", key)
