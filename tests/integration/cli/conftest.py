"""The CLI as a process of its own, run below the directory of a stack that `perdure dev` started."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.stack import Stack, environment

Done = subprocess.CompletedProcess[str]
Cli = Callable[..., Done]


@pytest.fixture
def cli(stack: Stack) -> Cli:
    """Runs the CLI below the stack's directory: it has to find the stack by itself."""
    below = stack.directory / "below"
    below.mkdir(exist_ok=True)

    def run(*words: str, stdin: Any = None, **env: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "perdure.cli", *words],
            cwd=below,
            env=environment(**env),
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
