"""Acceptance F2: workers that are stopped, as a deployment does it, while jobs run on them."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from perdure.client import PerdureClient
from perdure.client.view import Job
from tests.acceptance.conftest import until
from tests.server.part import Part, running_part, settings_of
from tests.server.partner import Partner
from tests.server.stack import Stack

GRACE = 2.0
REPORT = 30.0  # what a worker may take after its grace, to tell Temporal and to write the last rows: half a long step
PATIENT = {"initial_interval": "200s", "maximum_interval": "200s"}
"""A policy whose own backoff no test would wait for."""


@contextmanager
def worker(stack: Stack, directory: Path, queue: str, **settings: str) -> Iterator[Part]:
    wanted = settings_of(stack, **{"queues": queue, "worker_grace_seconds": str(GRACE), **settings})
    with running_part("worker", directory, wanted) as part:
        part.await_ready()
        yield part


def stopped(part: Part, begun: float) -> None:
    """It ends by itself, with 0, in time."""
    assert part.process.wait(GRACE + REPORT + 20) == 0, part.log.read_text()
    assert time.monotonic() - begun < GRACE + REPORT


def call(partner: Partner, path: str, **fields: Any) -> dict[str, Any]:
    params = {"method": "POST", "url": f"{partner.url}/{path}", "timeout": "120s"}
    return {"id": "call", "type": "HTTP_CALL", "with": params, **fields}


def job(queue: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": "drained", "queue": queue, "steps": list(steps)}


def asked(partner: Partner, path: str, times: int = 1) -> None:
    """Wait until the partner was asked that often."""
    deadline = time.monotonic() + 60
    while partner.calls[f"/{path}"] < times:
        assert time.monotonic() < deadline, partner.calls
        time.sleep(0.02)


def attempts(of: Job) -> list[tuple[str | None, str | None]]:
    return [(each.outcome, each.error.code if each.error else None) for each in of.steps[0].attempts]


@pytest.fixture
def queue() -> str:
    return f"f2-{uuid4().hex[:8]}"


@pytest.mark.slow
def test_f2_a_worker_that_is_told_to_stop_finishes_what_is_short_and_hands_on_what_is_long(
    stack: Stack, client: PerdureClient, partner: Partner, queue: str, tmp_path: Path
) -> None:
    partner.delays.update({"/short": 0.8, "/long": 60})
    with worker(stack, tmp_path, queue) as first:
        short = [client.submit(job(queue, call(partner, "short"))).job.id for _ in range(8)]
        long = client.submit(job(queue, call(partner, "long", retry=PATIENT))).job.id
        asked(partner, "short", len(short))
        asked(partner, "long")
        begun = first.terminate()
        _unready(first)
        late = client.submit(job(queue, call(partner, "late"))).job.id
        stopped(first, begun)
    assert time.monotonic() - begun >= GRACE, "the long step had no grace"
    assert (partner.calls["/short"], partner.calls["/late"]) == (len(short), 0)
    handed_on = until(client, long, lambda seen: attempts(seen)[:1] == [("LOST", "WORKER.SHUTDOWN")], 60)
    assert handed_on.status in ("RUNNING", "RETRYING")

    partner.delays.clear()
    heir = time.monotonic()
    with worker(stack, tmp_path, queue):
        ended = {id_: client.wait(id_, timeout=60) for id_ in (*short, long, late)}
        assert time.monotonic() - heir < 100, "the step waited for its own backoff"
    assert {each.status for each in ended.values()} == {"COMPLETED"}
    assert [attempts(ended[id_]) for id_ in short] == [[("COMPLETED", None)]] * len(short)
    assert attempts(ended[long]) == [("LOST", "WORKER.SHUTDOWN"), ("COMPLETED", None)]
    assert Counter(partner.keys["/short"]) == Counter(f"{id_}/call" for id_ in short)
    assert partner.keys["/long"] == [f"{long}/call"] * 2


def _unready(part: Part) -> None:
    """From the signal on it says that it takes no more work."""
    deadline = time.monotonic() + 60
    while (seen := part.ready())[0] == 200:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert seen[0] == 503
    assert "told to stop" in seen[1]["problems"][0]


def test_f2_an_idle_worker_stops_at_once(stack: Stack, queue: str, tmp_path: Path) -> None:
    with worker(stack, tmp_path, queue, worker_grace_seconds="600") as part:
        begun = part.terminate()
        assert part.process.wait(120) == 0
        assert time.monotonic() - begun < 60


@pytest.mark.slow
def test_f2_a_deployment_parks_no_job_whose_policy_is_used_up(
    stack: Stack, client: PerdureClient, partner: Partner, queue: str, tmp_path: Path
) -> None:
    partner.delays["/once"] = 60
    with worker(stack, tmp_path, queue) as first:
        id_ = client.submit(job(queue, call(partner, "once", retry={"maximum_attempts": 1}))).job.id
        asked(partner, "once")
        stopped(first, first.terminate())
    partner.delays.clear()
    partner.answers["/once"] = [500]
    with worker(stack, tmp_path, queue):
        done = until(client, id_, lambda seen: seen.final or seen.status == "DEAD_LETTERED")
    # Its one attempt was left to it, and that failed: now it is parked.
    assert done.status == "DEAD_LETTERED"
    assert attempts(done) == [("LOST", "WORKER.SHUTDOWN"), ("FAILED", "STEP.HTTP.5XX")]
    told = [row.attempt for row in client.journal(id_).data if row.type == "STEP_ATTEMPT_FAILED"]
    assert told == [1, 2]


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_f2_rolling_restarts_fail_no_job(
    stack: Stack, client: PerdureClient, partner: Partner, queue: str, tmp_path: Path
) -> None:
    partner.delays.update({"/slow": 0.6, "/endless": 60})
    wanted = [_job_of(kind, queue, partner) for kind in ["endless"] * 4 + ["say", "fast", "slow", "nap"] * 24]
    with ThreadPoolExecutor(1) as sender, ExitStack() as running:
        workers = [running.enter_context(worker(stack, tmp_path, queue)) for _ in range(2)]
        sending = sender.submit(lambda: [_sent(client, spec) for spec in wanted])
        asked(partner, "endless", 4)
        for restart in range(4):
            if restart == 2:  # both have been replaced: what each held is cut off once more, and then done
                partner.delays["/endless"] = 0
            oldest = workers.pop(0)
            stopped(oldest, oldest.terminate())
            workers.append(running.enter_context(worker(stack, tmp_path, queue)))
        ended = [client.wait(id_, timeout=90) for id_ in sending.result(120)]
    assert Counter(each.status for each in ended) == {"COMPLETED": 100}
    called = {f"{each.id}/{step.id}": step for each in ended for step in each.steps if step.type == "HTTP_CALL"}
    asked_for = Counter(str(key) for keys in partner.keys.values() for key in keys)
    assert asked_for.keys() == called.keys(), "each effect is asked for under one key"
    tried = [(step, attempt) for each in ended for step in each.steps for attempt in step.attempts if attempt.error]
    cut_off = [attempt for _, attempt in tried if attempt.error and attempt.error.code == "WORKER.SHUTDOWN"]
    assert len(cut_off) >= 4, "every endless step was cut off"
    others = {(attempt.outcome, attempt.worker) for _, attempt in tried if attempt not in cut_off}
    assert others <= {("LOST", None)}, "at most what was on its way to a worker that stopped, and never began, is lost"
    assert {key: count for key, count in asked_for.items() if count > called[key].attempt_count} == {}
    quick = {key for key, step in called.items() if step.id in ("fast", "slow")}
    assert {asked_for[key] for key in quick} == {1}, "what fits the grace is done once"


def _sent(client: PerdureClient, spec: dict[str, Any]) -> str:
    time.sleep(0.1)  # the load is spread over the restarts
    return client.submit(spec).job.id


def _job_of(kind: str, queue: str, partner: Partner) -> dict[str, Any]:
    log = {"type": "LOG", "with": {"message": kind}}
    nap = {"id": "nap", "type": "SLEEP", "with": {"duration": "2s"}}
    middle = {"say": {**log, "id": "say"}, "nap": nap}.get(kind) or {**call(partner, kind), "id": kind}
    return job(queue, {**log, "id": "before"}, middle, {**call(partner, "fast"), "id": "fast_after"})
