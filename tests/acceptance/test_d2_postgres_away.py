"""Acceptance D2: Postgres stopped for a minute under load. Jobs run on; afterwards the tables equal the histories."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import psutil
import pytest

from perdure.client import PerdureClient
from perdure.client.error import ClientError
from perdure.client.view import Job
from tests.server.partner import Partner
from tests.server.stack import Stack, environment, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
AWAY = 60.0
PACE = 0.5
"""Seconds between two jobs: a load that a slow machine bears too, so that none of them is merely late."""
PARKS = {"id": "bad", "type": "FAIL", "with": {}, "retry": {"maximum_attempts": 2, "initial_interval": "100ms"}}


def spec(partner: Partner, number: int) -> dict[str, Any]:
    """Every fourth job parks."""
    steps: list[dict[str, Any]] = [
        {"id": "a", "type": "HTTP_CALL", "with": {"method": "POST", "url": f"{partner.url}/a"}},
        {"id": "nap", "type": "SLEEP", "with": {"duration": "200ms"}},
        {"id": "b", "type": "COMPUTE", "with": {"expression": "6 * 7"}},
    ]
    return {"name": "d2", "steps": [*steps, PARKS] if number % 4 == 3 else steps}


@contextmanager
def load(stack: Stack, partner: Partner) -> Iterator[dict[str, int]]:
    """Jobs all the time; those that were accepted, with their number."""
    accepted: dict[str, int] = {}
    enough = Event()

    def submit() -> None:
        number = 0
        with stack.client() as client:
            while not enough.wait(PACE):
                with suppress(ClientError):  # what is not acknowledged may be lost
                    accepted[client.submit(spec(partner, number)).job.id] = number
                number += 1

    thread = Thread(target=submit)
    thread.start()
    try:
        yield accepted
    finally:
        enough.set()
        thread.join(60)


@contextmanager
def postgres_stopped(stack: Stack) -> Iterator[None]:
    """All its processes; it is there and answers nothing, which is the hardest way of being away."""
    root = psutil.Process(stack.info.pids.postgres)
    family = [root, *root.children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        yield
    finally:
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def ended(client: PerdureClient, job_id: str, status: str) -> Job:
    deadline = time.monotonic() + 90
    while True:
        with suppress(ClientError):
            job = client.get(job_id)
            if job.status == status:
                return job
        assert time.monotonic() < deadline, f"{job_id} is not shown as {status}"
        time.sleep(0.1)


def until_well(client: PerdureClient) -> None:
    """Wait until lists, which only Postgres can give, are there again."""
    deadline = time.monotonic() + 60
    while True:
        with suppress(ClientError):
            client.list(limit=1)
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def checked(stack: Stack) -> dict[str, Any]:
    """What `perdure projection check` says of all jobs."""
    words = [sys.executable, "-m", "perdure.cli", "projection", "check", "-o", "json", "--yes"]
    done = subprocess.run(
        words, cwd=stack.directory, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("d2"), PERDURE_HTTP_ALLOWED_HOSTS="127.0.0.1") as stack:
        yield stack


def test_d2_postgres_is_stopped_for_a_minute_under_load_and_nothing_is_lost(own: Stack, partner: Partner) -> None:
    with load(own, partner) as accepted:
        deadline = time.monotonic() + 60
        while len(accepted) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with postgres_stopped(own):
            time.sleep(AWAY / 2)
            calls, submitted = partner.calls["/a"], set(accepted)
            time.sleep(AWAY / 2)
            deadline = time.monotonic() + 60  # for a machine that is slower still than the load
            while True:
                ran_on, went_on = partner.calls["/a"] - calls, len(accepted) - len(submitted)
                if min(ran_on, went_on) >= 5 or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
    # Jobs were taken and ran on, all the while.
    assert went_on >= 5
    assert ran_on >= 5
    with own.client() as client:
        until_well(client)
        for id_, number in accepted.items():
            job = ended(client, id_, "DEAD_LETTERED" if number % 4 == 3 else "COMPLETED")
            assert [step.status for step in job.steps[:3]] == ["COMPLETED"] * 3
            rows = client.journal(id_, limit=200).data
            assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    # Each effect once. Where the answer to a submission was lost, its job may have run all the same.
    keys = partner.keys["/a"]
    assert len(keys) == len(set(keys))
    assert {f"{id_}/a" for id_ in accepted} <= set(keys)
    found = checked(own)
    assert (found["counts"].get("drifted", 0), found["findings"]) == (0, [])
    assert found["counts"]["jobs"] >= len(accepted)
