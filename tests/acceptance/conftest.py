"""What acceptance tests share: a client of the session's stack, and waiting with a deadline."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from uuid import uuid4

import pytest

from perdure.client import PerdureClient
from perdure.client.view import Job
from tests.server.stack import Stack


@pytest.fixture
def client(stack: Stack) -> Iterator[PerdureClient]:
    with stack.client() as opened:
        yield opened


@pytest.fixture
def key() -> str:
    return f"t-{uuid4().hex[:12]}"


def until(client: PerdureClient, job_id: str, reached: Callable[[Job], bool], seconds: float = 60) -> Job:
    """The job as soon as it is as asked."""
    deadline = time.monotonic() + seconds
    while not reached(job := client.get(job_id)):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s {job_id} is {job.status} ({job.status_reason})")
        time.sleep(0.03)
    return job


def until_found(stack: Stack, query: str, job_ids: Sequence[str], seconds: float = 60) -> None:
    """Wait until Temporal's visibility, which lags, finds these jobs by the query."""
    deadline = time.monotonic() + seconds
    while True:
        found = json.loads(stack.temporal("workflow", "list", "--query", query, "--output", "json") or "[]")
        if set(job_ids) <= {each["execution"]["workflowId"] for each in found}:
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
