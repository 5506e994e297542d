"""The CLI in this process, against a server that plays the API."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from perdure.cli.main import app
from tests.unit.canned_api import CannedApi

GET = "GET /v1/jobs/default:order-1"
Run = Callable[..., Result]


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
