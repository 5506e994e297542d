"""The CLI as a process of its own: quick to start, silent on a closed pipe, plain where nobody looks."""

import os
import pty
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.canned_api import CannedApi, job_view
from tests.unit.cli.conftest import GET

COMMAND = (sys.executable, "-m", "perdure.cli")
HEEDING_CTRL_C = ("env", "--default-signal=INT")
"""Tests that run in the background of a script ignore Ctrl-C, and so would whatever they start."""
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def environment(api: CannedApi) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return {**kept, "PERDURE_SERVER": api.url, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "120"}


def on_a_terminal(words: tuple[str, ...], environment: dict[str, str]) -> str:
    """What the command prints when its stdout and stderr are a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([*COMMAND, *words], env=environment, stdout=follower, stderr=follower)
    os.close(follower)
    printed = b""
    while True:
        try:
            chunk = os.read(leader, 65_536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not chunk:
            break
        printed += chunk
    process.wait(60)
    os.close(leader)
    return printed.decode()


def test_version_needs_no_http_client_no_temporal_and_no_database(environment: dict[str, str]) -> None:
    lines = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "perdure.cli", "version"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stderr.splitlines()
    imported = {line.rsplit("|", 1)[-1].strip() for line in lines}
    assert not {"httpx", "temporalio", "sqlalchemy", "asyncpg", "psutil"} & imported


def test_version_answers_within_half_a_second(environment: dict[str, str]) -> None:
    def cpu_seconds() -> float:
        """Of one run; what other programs do to the clock on the wall is not its fault."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, "version"], env=environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_seconds() for _ in range(3)) < 0.5


def test_job_commands_and_demo_load_neither_temporal_nor_database(environment: dict[str, str]) -> None:
    code = (
        "import sys, perdure.cli.jobs.app, perdure.cli.demo.command; "
        "sys.exit(' '.join({'temporalio', 'sqlalchemy', 'asyncpg'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_where_the_embedded_stack_cannot_run_all_other_commands_do(api: CannedApi, environment: dict[str, str]) -> None:
    """Windows has neither of these modules."""
    api.answer(GET, job_view())
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('fcntl', 'pwd', 'grp', 'resource', 'termios', 'uvloop'))); "
        "from perdure.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code]
    shown = subprocess.run([*command, "--help"], env=environment, capture_output=True, text=True, check=True).stdout
    assert "jobs" in shown
    assert "demo" not in shown
    subprocess.run([*command, "jobs", "get", "order-1"], env=environment, capture_output=True, check=True)


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_closed_pipe_is_silent(api: CannedApi, environment: dict[str, str], output: str) -> None:
    jobs = [job_view(id=f"default:{number}", status_reason="x" * 500) for number in range(200)]
    api.answer("GET /v1/jobs", {"data": jobs, "page": {"cursor": None, "has_more": False}})
    words = " ".join([*COMMAND, "jobs", "list", "-o", output])
    piped = f"set -o pipefail; {words} | head -c 10"
    done = subprocess.run(["bash", "-c", piped], env=environment, capture_output=True, check=True)
    assert len(done.stdout) == 10
    assert done.stderr == b""


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_full_disk_is_told_in_a_line(api: CannedApi, environment: dict[str, str], output: str) -> None:
    api.answer("GET /v1/jobs", {"data": [job_view()], "page": {"cursor": None, "has_more": False}})
    with Path("/dev/full").open("wb") as full:
        words = [*COMMAND, "jobs", "list", "-o", output]
        done = subprocess.run(words, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.decode().splitlines()) == (
        1,
        ["Error: the result cannot be written: No space left on device"],
    )


def test_colours_on_a_terminal_only_and_not_with_no_color(api: CannedApi, environment: dict[str, str]) -> None:
    api.answer(GET, job_view())
    words = ("jobs", "get", "order-1")
    assert "\x1b[32m" in on_a_terminal(words, environment)
    assert "\x1b[32m" not in on_a_terminal(words, {**environment, "NO_COLOR": "1"})
    piped = subprocess.run([*COMMAND, *words], env=environment, capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout


def test_lines_are_not_cut_where_nobody_looks(api: CannedApi, environment: dict[str, str]) -> None:
    name, reason = f"default:{'k' * 190}", "because " * 20
    rows = {"data": [job_view(id=name, status_reason=reason)], "page": {"cursor": None, "has_more": False}}
    api.answer("GET /v1/jobs", rows)
    out = subprocess.run([*COMMAND, "jobs", "list"], env=environment, capture_output=True, text=True, check=True).stdout
    assert len(out.splitlines()) == 2
    assert name in out
    assert reason.strip() in out


def test_watch_is_live_on_a_terminal(api: CannedApi, environment: dict[str, str]) -> None:
    for status in ("QUEUED", "RUNNING", "COMPLETED"):
        api.answer(GET, job_view(status=status))
    printed = on_a_terminal(("jobs", "watch", "order-1"), environment)
    assert "COMPLETED" in printed
    assert "\x1b[1A" in printed  # goes up to draw over what it drew before


def test_a_terminal_without_unicode_is_no_error(api: CannedApi, environment: dict[str, str]) -> None:
    api.answer(GET, job_view(name="naïve →"))
    done = subprocess.run(
        [*COMMAND, "jobs", "get", "order-1"],
        env={**environment, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""


def test_cancel_asks_on_a_terminal_and_takes_no_for_an_answer(api: CannedApi, environment: dict[str, str]) -> None:
    leader, follower = pty.openpty()
    words = [*COMMAND, "jobs", "cancel", "order-1"]
    process = subprocess.Popen(words, env=environment, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    os.write(leader, b"n\n")
    assert process.wait(60) == 1
    os.close(leader)
    assert api.got == []


def test_ctrl_c_ends_a_watch_without_a_traceback(api: CannedApi, environment: dict[str, str]) -> None:
    api.answer(GET, job_view(status="RUNNING"))
    words = [*HEEDING_CTRL_C, *COMMAND, "jobs", "watch", "order-1"]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "job RUNNING" in process.stdout.readline() + process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
