"""A real stack, started once by `perdure dev` in a directory of its own; the CLI is run from there."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 90
Done = subprocess.CompletedProcess[str]
Cli = Callable[..., Done]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PERDURE_HTTP_ALLOWED_HOSTS": "127.0.0.1", "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def stack_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory of a running stack (its data in `.perdure`)."""
    directory = tmp_path_factory.mktemp("cli")
    words = ["dev", "--api-port", "0", "--temporal-port", "0", "--ui-port", "0"]
    with (directory / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "perdure.cli", *words], cwd=directory, env=environment(), stdout=log, stderr=log
        )
    try:
        _wait_for(directory / ".perdure" / "stack.json", process, directory / "dev.log")
        yield directory
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()


def _wait_for(file: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the stack did not start:\n{log.read_text()}")
        time.sleep(0.05)


@pytest.fixture
def cli(stack_dir: Path, tmp_path: Path) -> Cli:
    """Runs the CLI below the stack's directory: it has to find the stack by itself."""
    below = stack_dir / "below"
    below.mkdir(exist_ok=True)

    def run(*words: str, stdin: Any = None, **env: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "perdure.cli", *words],
            cwd=below,
            env={**environment(), **env},
            input=None if stdin is None else json.dumps(stdin),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def key() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"
