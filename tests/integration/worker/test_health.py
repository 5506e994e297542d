"""The worker's own /livez, /readyz and /metrics, from its first moment on, as a process."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from perdure.embedded.port import PortWish, settle_ports
from tests.integration.store.server import PostgresServer, running_postgres
from tests.server.part import Part, running_part
from tests.server.temporal import running_temporal

NOWHERE = "postgresql+asyncpg://perdure@127.0.0.1:1/perdure"


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """One of the test's own: it is stopped."""
    with running_postgres() as server:
        yield server


def free_port() -> int:
    return settle_ports([PortWish("Temporal", "", 0)])[0]


def problems(part: Part) -> list[str]:
    status, told = part.ready()
    return list(told["problems"]) if status == 503 else [] if status == 200 else [f"status {status}"]


def until(part: Part, *missing: str) -> None:
    """Wait until exactly these are missing; it is alive all the time."""
    deadline = time.monotonic() + 60
    while tuple(problem.split()[0] for problem in problems(part)) != missing:
        assert time.monotonic() < deadline, (problems(part), part.log.read_text())
        assert part.process.poll() is None, part.log.read_text()
        time.sleep(0.1)
    with urlopen(f"{part.url}/livez", timeout=60) as answer:
        assert answer.status == 200


def test_a_worker_is_up_and_names_what_is_missing_before_anything_answers(tmp_path: Path) -> None:
    wanted = {"PERDURE_TEMPORAL_ADDRESS": "127.0.0.1:1", "PERDURE_DATABASE_URL": NOWHERE}
    with running_part("worker", tmp_path, wanted) as part:
        until(part, "Temporal", "Postgres")
        assert "refused" in problems(part)[0]
        with urlopen(f"{part.url}/metrics", timeout=60) as answer:
            assert b"perdure_" in answer.read()
        part.terminate()
        assert part.process.wait(60) == 0


def test_a_worker_whose_temporal_says_nothing_stops_when_it_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        wanted = {"PERDURE_TEMPORAL_ADDRESS": address, "PERDURE_DATABASE_URL": NOWHERE}
        with running_part("worker", tmp_path, wanted) as part:
            until(part, "Temporal", "Postgres")
            part.terminate()
            assert part.process.wait(60) == 0


@pytest.mark.slow
def test_a_worker_becomes_ready_and_unready_with_what_it_needs(postgres: PostgresServer, tmp_path: Path) -> None:
    port = free_port()
    url = postgres.create_database("health").database_url.get_secret_value()
    wanted = {"PERDURE_TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "PERDURE_DATABASE_URL": url}
    with running_part("worker", tmp_path, wanted) as part:
        until(part, "Temporal")
        with running_temporal(port=port):
            until(part)
            postgres.stop()
            until(part, "Postgres")
            postgres.start()
            until(part)
        until(part, "Temporal")


def test_a_taken_health_port_ends_the_worker(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        wanted = {"PERDURE_TEMPORAL_ADDRESS": "127.0.0.1:1", "PERDURE_WORKER_HEALTH_PORT": port}
        with running_part("worker", tmp_path, wanted) as part:
            assert part.process.wait(60) not in (0, None)
            assert "address already in use" in part.log.read_text()
