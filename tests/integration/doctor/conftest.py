"""`perdure doctor` as a process of its own, from any directory and with any environment."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.store.server import PostgresServer, running_postgres
from tests.server.stack import environment


@dataclass(frozen=True)
class Examined:
    """What it said: exit code, and the findings by their check."""

    code: int
    findings: dict[str, list[dict[str, Any]]]
    output: str

    def levels(self, check: str) -> list[str]:
        return [finding["level"] for finding in self.findings.get(check, [])]

    def only(self, check: str) -> dict[str, Any]:
        (finding,) = self.findings[check]
        return finding

    @property
    def not_ok(self) -> dict[str, list[str]]:
        """Check -> what, of everything that is a warning or a problem."""
        found = {check: [one["what"] for one in all_ if one["level"] != "ok"] for check, all_ in self.findings.items()}
        return {check: whats for check, whats in found.items() if whats}


Doctor = Callable[..., Examined]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Examines with `-o json`, from `cwd` (default: an empty directory)."""

    def examine(*words: str, cwd: Path = tmp_path, **env: str) -> Examined:
        done = run_doctor("-o", "json", *words, cwd=cwd, **env)
        findings: dict[str, list[dict[str, Any]]] = {}
        for finding in json.loads(done.stdout)["findings"]:
            findings.setdefault(finding["check"], []).append(finding)
        return Examined(done.returncode, findings, done.stdout + done.stderr)

    return examine


def run_doctor(*words: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "perdure.cli", "doctor", *words],
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A Postgres without anything of Perdure."""
    with running_postgres() as server:
        yield server
