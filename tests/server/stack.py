"""A whole stack as users start it: `perdure dev` as a process of its own, in a directory of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perdure.client import PerdureClient
from perdure.embedded.binary import find_binaries
from perdure.embedded.info import StackInfo

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
FREE_PORTS = ("--api-port", "0", "--temporal-port", "0", "--ui-port", "0")

_KEPT = ("PERDURE_WORKFLOW_SANDBOX",)


def environment(**extra: str) -> dict[str, str]:
    """The environment without anybody's own settings, but for the one of the run with the sandbox."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_", "OTEL_"))
    }
    kept |= {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **extra}


class Stack:
    """A running stack."""

    def __init__(self, directory: Path, process: "subprocess.Popen[bytes]") -> None:
        self.directory = directory
        self.process = process

    @property
    def info(self) -> StackInfo:
        """Read anew each time: pids change when a service is restarted."""
        return StackInfo.model_validate_json((self.directory / ".perdure" / "stack.json").read_bytes())

    @property
    def api_key(self) -> str:
        return Path(self.info.admin_api_key_file).read_text().strip()

    def client(self) -> PerdureClient:
        return PerdureClient(self.info.api_url, api_key=self.api_key)

    def temporal(self, *words: str) -> str:
        """Run the real `temporal` CLI against this stack; its output. Raises AssertionError when it fails."""
        done = self._temporal(words)
        if done.returncode != 0:
            raise AssertionError(f"temporal {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def temporal_anyway(self, *words: str) -> str:
        """The same, whether it succeeds or not; what it says on both streams."""
        done = self._temporal(words)
        return done.stdout + done.stderr

    def _temporal(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(find_binaries().temporal), *words, "--address", self.info.temporal_address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment(),
        )

    def history(self, job_id: str) -> dict[int, dict[str, Any]]:
        """The newest run's history events by id, as the `temporal` CLI shows them."""
        shown = self.temporal("workflow", "show", "--workflow-id", job_id, "--output", "json")
        return {int(event["eventId"]): event for event in json.loads(shown)["events"]}


@contextmanager
def running_stack(directory: Path, *words: str, **extra: str) -> Iterator[Stack]:
    """`perdure dev` with its data in `directory/.perdure`; stopped with Ctrl-C at the end."""
    log = directory / "dev.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "perdure.cli", "dev", *(words or FREE_PORTS)],
            cwd=directory,
            env=environment(**extra),
            stdout=sink,
            stderr=sink,
        )
    try:
        _wait(directory / ".perdure" / "stack.json", process, log)
        yield Stack(directory, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()


def _wait(file: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the stack did not start:\n{log.read_text()}")
        time.sleep(0.05)
