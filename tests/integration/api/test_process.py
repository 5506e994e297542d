"""`python -m api` as a process: says what is wrong with its settings, stops cleanly, logs JSON."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from perdure.embedded.port import PortWish, settle_ports
from tests.integration.api.stack import NO_TLS
from tests.integration.store.server import PostgresServer

ROOT = Path(__file__).parents[3]
KEY = f"pdr_adminkey0001_{'s' * 43}"


def environment(home: Path, **settings: str) -> dict[str, str]:
    (home / "pepper").write_text("p" * 40)
    (home / "key").write_text(KEY)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PERDURE_")}
    named = {
        "API_KEY_PEPPER_FILE": str(home / "pepper"),
        "BOOTSTRAP_ADMIN_KEY_FILE": str(home / "key"),
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "API_PORT": "0",
        **settings,
    }
    return clean | {f"PERDURE_{name}": value for name, value in named.items() if value}


def run(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api"], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "high"),
        ("API_PORT", "70000"),
        ("API_KEY_PEPPER_FILE", "/does/not/exist"),
        ("API_KEY_PEPPER_FILE", ""),
        ("API_KEY_PEPPER_FILE", "/dev/null"),
        ("BOOTSTRAP_ADMIN_KEY_FILE", "/dev/null"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://x"),
    ],
)
def test_a_bad_setting_ends_the_process_naming_it(tmp_path: Path, name: str, value: str) -> None:
    ended = run(environment(tmp_path, **{name: value}))
    assert ended.returncode == 2
    assert f"PERDURE_{name}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert KEY not in ended.stderr


def test_a_taken_port_ends_the_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = run(environment(tmp_path, API_PORT=str(listener.getsockname()[1])))
    assert ended.returncode not in (0, None)
    assert "address already in use" in ended.stderr


@contextmanager
def running(env: dict[str, str], port: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "api"]
    process = subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    try:
        while not _answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait(60)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False, verify=NO_TLS).status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    (port,) = settle_ports([PortWish("API", "", 0)])
    return port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    port = _free_port()
    with running(environment(tmp_path, API_PORT=str(port)), port) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["event"] for line in lines if line["level"] == "info"] == ["api starting", "api stopped"]


def test_it_serves_with_its_first_key_and_never_logs_it(
    tmp_path: Path, api_postgres: PostgresServer, temporal_address: str
) -> None:
    port = _free_port()
    url = api_postgres.create_database("process").database_url.get_secret_value()
    env = environment(tmp_path, API_PORT=str(port), DATABASE_URL=url, TEMPORAL_ADDRESS=temporal_address)
    subprocess.run([sys.executable, "-m", "perdure.store.migrate"], env=env, cwd=ROOT, check=True, timeout=60)
    base = f"http://127.0.0.1:{port}"
    with running(env, port) as process, httpx.Client(base_url=base, trust_env=False, verify=NO_TLS) as client:
        deadline = time.monotonic() + 60
        while client.get("/v1/jobs", headers={"Authorization": f"Bearer {KEY}"}).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        client.get("/v1/jobs", headers={"X-API-Key": KEY + "x"})
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "s" * 20 not in errors
