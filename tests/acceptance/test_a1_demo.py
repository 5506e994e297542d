"""Acceptance A1: the demo sets up what it needs, shows real jobs, and ends 0 leaving nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = (sys.executable, "-m", "perdure.cli", "demo")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_"))}
    return {**kept, "PYTHONPATH": str(ROOT)}


def run_demo(directory: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        DEMO, cwd=directory, env=environment(), capture_output=True, text=True, timeout=200, check=False
    )


def processes_of(directory: Path) -> list[str]:
    """Processes that work in, or name, the directory."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("PERDURE_EMBEDDED_DATA_DIR", "")]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(directory) in word for word in words):
            found.append(" ".join(process.cmdline()))
    return found


@contextmanager
def taken(*ports: int) -> Iterator[None]:
    """Another program on these ports (whoever it is: one that is taken already will do)."""
    holders = []
    for port in ports:
        holder = socket.socket()
        # As servers do: the remains of a stack that has just stopped do not keep the port from being taken.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holders.append(holder)
        try:
            holder.bind(("127.0.0.1", port))
            holder.listen()
        except OSError:
            pass
    try:
        yield
    finally:
        for holder in holders:
            holder.close()


def test_a1_demo_shows_real_jobs_and_ends_well_twice_on_the_same_data(tmp_path: Path) -> None:
    with taken(8080, 7233, 8233):
        first = run_demo(tmp_path)
        assert first.returncode == 0, first.stdout + first.stderr
        assert processes_of(tmp_path) == []
        second = run_demo(tmp_path)
        assert second.returncode == 0, second.stdout + second.stderr
    out = first.stdout
    assert "port 8080" in out.lower()
    assert "RETRYING" in out
    assert "DEAD_LETTERED" in out
    signal_line = next(line for line in out.splitlines() if "workflow signal" in line)
    assert re.search(
        r"\$ \S*temporal workflow signal .*--workflow-id default:demo-\w+-shipment --name retry", signal_line
    )
    assert "every effect happened once per idempotency key: 13 effects, 13 keys" in out
    assert re.search(r"http://127\.0\.0\.1:\d+/docs", out)
    assert re.search(r"Dashboard +http://127\.0\.0\.1:\d+/dashboard/$", out, re.MULTILINE)
    assert re.search(r"Key to log in +\.perdure/(demo/)?secret/admin-key$", out, re.MULTILINE)
    assert "Temporal Web UI" in out
    assert "\x1b" not in out
    assert "NOT" not in out
    assert first.stderr == ""


def test_a1_demo_uses_a_running_stack_that_lets_it_and_starts_another_where_not(tmp_path: Path) -> None:
    allowed = {"yes": {"PERDURE_HTTP_ALLOWED_HOSTS": "127.0.0.1"}, "no": {}}
    for name, extra in allowed.items():
        directory = tmp_path / name
        directory.mkdir()
        words = ["dev", "--api-port", "0", "--temporal-port", "0", "--ui-port", "0"]
        with (directory / "log").open("wb") as log:
            stack = subprocess.Popen(
                [sys.executable, "-m", "perdure.cli", *words],
                cwd=directory,
                env={**environment(), **extra},
                stdout=log,
                stderr=log,
            )
        try:
            stack_file = directory / ".perdure" / "stack.json"
            deadline = time.monotonic() + 90
            while not stack_file.exists():
                assert stack.poll() is None, (directory / "log").read_text()
                assert time.monotonic() < deadline, (directory / "log").read_text()
                time.sleep(0.05)
            api_url = json.loads(stack_file.read_text())["api_url"]
            done = run_demo(directory)
            assert done.returncode == 0, done.stdout + done.stderr
            assert (f"{api_url}/docs" in done.stdout) is (name == "yes")
            assert stack.poll() is None, "the demo must leave a stack it did not start"
        finally:
            stack.send_signal(signal.SIGINT)
            stack.wait(60)


def test_a1_demo_stopped_half_way_leaves_no_process(tmp_path: Path) -> None:
    with taken(8080, 7233, 8233):
        demo = subprocess.Popen(
            DEMO, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("2/"):
                break
        demo.send_signal(signal.SIGTERM)
        rest = demo.stdout.read()
        assert demo.wait(60) == 128 + signal.SIGTERM, rest
        demo.stdout.close()
    assert "Traceback" not in rest
    assert processes_of(tmp_path) == []
