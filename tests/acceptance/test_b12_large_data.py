"""Payloads beyond Temporal's limits, with external storage on: they pass, and what is lost is told and mended."""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from perdure.client import PerdureClient
from tests.server.stack import Stack, running_stack

KIB = 1024
MIB = 1024 * KIB
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("large") / "storage"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, storage: Path) -> Iterator[Stack]:
    limits = {"OUTPUT": 2 * MIB, "STATE": 32 * MIB}
    settings = {f"PERDURE_LIMIT_{name}_BYTES": str(size) for name, size in limits.items()}
    with running_stack(
        tmp_path_factory.mktemp("stack"),
        PERDURE_HTTP_ALLOWED_HOSTS="127.0.0.1",
        PERDURE_STORAGE_DIR=str(storage),
        **settings,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[PerdureClient]:
    with stack.client() as opened:
        yield opened


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    """A server that answers `/{n}` with a JSON string of n letters."""
    with _serving() as url:
        yield url


@contextmanager
def _serving() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'"{"x" * int(self.path.strip("/"))}"'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def fetch(source: str, size: int, id_: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "type": "HTTP_CALL", "with": {"url": f"{source}/{size}", "output": "body"}, **more}


def spec(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "large", "steps": list(steps), **more}


def files(storage: Path, job_id: str) -> list[Path]:
    return list((storage / "default").glob(f"{job_id.replace(':', '%3A')}/*"))


def test_b12_a_hundred_steps_of_256_kib_pass(client: PerdureClient, stack: Stack, storage: Path, source: str) -> None:
    steps = [fetch(source, 256 * KIB, f"s{n}", depends_on=[]) for n in range(100)]
    expression = "${ size(steps.s0.output) + size(steps.s99.output) }"
    id_ = client.submit(spec(*steps, output=expression, dead_letter={"enabled": False})).job.id
    done = client.wait(id_, timeout=240)
    assert (done.status, done.error) == ("COMPLETED", None)
    assert done.output == 512 * KIB
    assert files(storage, id_)
    assert len(stack.temporal("workflow", "show", "--workflow-id", id_, "--output", "json")) < 3 * MIB
    shown = [step.output for step in client.get(id_).steps]
    assert shown == ["x" * 256 * KIB] * 100


def test_a_large_output_goes_into_a_large_input_and_a_larger_result(client: PerdureClient, source: str) -> None:
    size = 900 * KIB
    digest = {"id": "digest", "type": "COMPUTE", "with": {"operation": "hash", "value": "${ steps.a.output }"}}
    id_ = client.submit(spec(fetch(source, size, "a"), digest, fetch(source, 2 * MIB - 100, "b"))).job.id
    done = client.wait(id_, timeout=60)
    assert (done.status, done.error) == ("COMPLETED", None)
    assert done.output == {"b": "x" * (2 * MIB - 100)}
    assert done.steps[1].output == hashlib.sha256(b"x" * size).hexdigest()


def test_b12_beyond_the_raised_limits_a_step_fails_clearly(client: PerdureClient, source: str) -> None:
    fields = {"dead_letter": {"enabled": False}}
    done = client.wait(client.submit(spec(fetch(source, 3 * MIB, "a"), **fields)).job.id, timeout=60)
    assert done.error is not None
    assert (done.status, done.error.code) == ("FAILED", "STEP.HTTP.RESPONSE_TOO_LARGE")
    steps = [fetch(source, 2 * MIB - 100, f"s{n}", depends_on=[]) for n in range(20)]
    done = client.wait(client.submit(spec(*steps, **fields)).job.id, timeout=120)
    assert done.error is not None
    assert (done.status, done.error.code) == ("FAILED", "ENGINE.STATE_TOO_LARGE")


def test_a_job_whose_payloads_are_gone_is_shown_so_and_goes_on_when_they_are_back(
    client: PerdureClient, stack: Stack, storage: Path, source: str
) -> None:
    fail = {"id": "fail", "type": "FAIL", "with": {"code": "X.Y", "class": "PERMANENT", "message": "m", "times": 1}}
    id_ = client.submit(spec(fetch(source, MIB, "a"), fail, output="${ size(steps.a.output) }")).job.id
    _until(lambda: client.get(id_).status == "DEAD_LETTERED")
    worker = stack.info.pids.worker
    (job_directory,) = {file.parent for file in files(storage, id_)}
    hidden = storage.with_name("hidden")
    job_directory.rename(hidden)
    os.kill(worker, signal.SIGKILL)  # what it remembers of the job goes with it
    _until(lambda: stack.info.pids.worker != worker)
    stack.temporal("workflow", "signal", "--workflow-id", id_, "--name", "retry")
    _until(lambda: "is not in" in (client.get(id_).status_reason or ""), lambda: client.get(id_).status_reason)
    hidden.rename(job_directory)
    done = client.wait(id_, timeout=90)
    assert (done.status, done.output) == ("COMPLETED", MIB)


def _until(holds: Callable[[], bool], told: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.1)
