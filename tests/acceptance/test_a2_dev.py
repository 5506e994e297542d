"""Acceptance A2: `perdure dev` stays, stops whole, keeps its jobs, and refuses what it must."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.server.stack import FREE_PORTS, environment, running_stack

pytestmark = pytest.mark.slow
HELLO = {"name": "hello", "steps": [{"id": "a", "type": "LOG", "with": {"message": "hello"}}]}


def start(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "perdure.cli", "dev", *words],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a2_the_stack_stops_whole_keeps_its_jobs_and_refuses_a_second_start_and_a_taken_port(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack, stack.client() as client:
        job_id = client.submit(HELLO).job.id
        client.wait(job_id, timeout=60)
        pids = [stack.process.pid, *stack.info.pids.model_dump().values()]
        second = start(tmp_path, *FREE_PORTS)
        assert second.returncode == 1
        assert str(stack.process.pid) in second.stdout + second.stderr
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert stack.process.returncode == 0

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        taken = start(tmp_path, "--api-port", port, "--temporal-port", "0", "--ui-port", "0")
    assert taken.returncode == 1
    assert f"port {port}" in taken.stdout + taken.stderr
    assert str(os.getpid()) in taken.stdout + taken.stderr

    with running_stack(tmp_path) as again, again.client() as client:
        assert client.get(job_id).status == "COMPLETED"
        assert client.submit(HELLO, idempotency_key=job_id.removeprefix("default:")).replayed
