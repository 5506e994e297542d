"""Workers whose traces go to a real receiver, to one that is away, and nowhere."""

import json
import socket
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from perdure.client import PerdureClient
from tests.server.otlp import ReceivedSpan, Receiver, running_receiver
from tests.server.part import Part, running_part, settings_of
from tests.server.partner import Partner
from tests.server.stack import Stack


@pytest.fixture
def queue() -> str:
    return f"trace-{uuid4().hex[:8]}"


def run(client: PerdureClient, queue: str, *steps: dict[str, Any]) -> str:
    """Run a job on that queue to its end; its trace."""
    job = client.submit({"name": "traced", "queue": queue, "steps": list(steps)}).job
    assert client.wait(job.id, timeout=60).status == "COMPLETED"
    assert job.trace_id
    return job.trace_id


def call(partner: Partner) -> dict[str, Any]:
    return {"id": "call", "type": "HTTP_CALL", "with": {"url": f"{partner.url}/call"}}


def exporting(stack: Stack, queue: str, endpoint: str, **variables: str) -> dict[str, str]:
    wanted = settings_of(stack, queues=queue)
    return {**wanted, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **variables}


def lines(part: Part) -> list[dict[str, Any]]:
    return [json.loads(line) for line in part.log.read_text().splitlines()]


def attempts(receiver: Receiver, trace_id: str) -> list[ReceivedSpan]:
    return [span for span in receiver.trace(trace_id) if span.name == "HTTP_CALL call"]


def test_a_worker_that_is_told_to_stop_sends_what_it_has_not_sent_yet(
    stack: Stack, client: PerdureClient, partner: Partner, queue: str, tmp_path: Path
) -> None:
    with running_receiver() as receiver:
        wanted = exporting(
            stack,
            queue,
            receiver.endpoint,
            OTEL_BSP_SCHEDULE_DELAY="600000",
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
            OTEL_SERVICE_NAME="billing-worker",
        )
        with running_part("worker", tmp_path, wanted) as part:
            part.await_ready()
            trace_id = run(client, queue, call(partner))
            assert receiver.spans == []
            part.terminate()
            assert part.process.wait(60) == 0
        (attempt,) = attempts(receiver, trace_id)
    # The API of this stack exports nothing: its part of the trace is ids alone.
    assert (attempt.service, attempt["status"]) == ("billing-worker", "COMPLETED")
    assert partner.traceparents["/call"][0] is not None
    assert trace_id in partner.traceparents["/call"][0]


@pytest.mark.slow
@pytest.mark.parametrize("status", [None, 500, 503])
def test_a_receiver_that_is_away_is_one_warning_and_no_job_waits_for_it(
    stack: Stack, client: PerdureClient, partner: Partner, *, queue: str, tmp_path: Path, status: int | None
) -> None:
    with running_receiver() as receiver:
        receiver.status = status or 200
        endpoint = receiver.endpoint if status else f"http://127.0.0.1:{_closed_port()}"
        small = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4"}
        wanted = exporting(stack, queue, endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="1", **small)
        with running_part("worker", tmp_path, wanted) as part:
            part.await_ready()
            begun = time.monotonic()
            for _ in range(12):
                run(client, queue, call(partner), {"id": "say", "type": "LOG", "with": {"message": "hello"}})
            assert time.monotonic() - begun < 60
            _until(lambda: _warnings(part) == 1)
            begun = part.terminate()
            assert part.process.wait(60) == 0
            assert time.monotonic() - begun < 45
        assert _warnings(part) == 1
        others = [line for line in lines(part) if str(line["logger"]).startswith(("opentelemetry", "urllib3"))]
        assert others == []


@pytest.mark.slow
def test_a_receiver_that_comes_back_is_told_of_once(
    stack: Stack, client: PerdureClient, partner: Partner, queue: str, tmp_path: Path
) -> None:
    with running_receiver() as receiver:
        receiver.status = 500
        wanted = exporting(stack, queue, receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY="50")
        with running_part("worker", tmp_path, wanted) as part:
            part.await_ready()
            run(client, queue, call(partner))
            _until(lambda: _warnings(part) == 1)
            receiver.status = 200
            trace_id = run(client, queue, call(partner))
            _until(lambda: attempts(receiver, trace_id))
            _until(lambda: _back(part))
            back = _back(part)
    assert [line["lost"] >= 1 for line in back] == [True]


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_a_worker_that_is_told_to_export_nothing_still_hands_the_trace_on(
    stack: Stack, client: PerdureClient, partner: Partner, *, queue: str, tmp_path: Path, off: dict[str, str]
) -> None:
    with running_receiver() as receiver:
        wanted = exporting(stack, queue, receiver.endpoint, OTEL_BSP_SCHEDULE_DELAY="50", **off)
        with running_part("worker", tmp_path, wanted) as part:
            part.await_ready()
            trace_id = run(client, queue, call(partner))
            part.terminate()
            assert part.process.wait(60) == 0
        assert receiver.requests == 0
    (sent,) = partner.traceparents["/call"]
    assert sent is not None
    assert sent.split("-")[1] == trace_id


def test_a_step_that_sets_a_traceparent_itself_is_left_alone(
    stack: Stack, client: PerdureClient, partner: Partner
) -> None:
    own = f"00-{'ab' * 16}-{'cd' * 8}-01"
    step = call(partner)
    step["with"]["headers"] = {"traceparent": own}
    run(client, "default", step)
    assert partner.traceparents["/call"] == [own]


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _warnings(part: Part) -> int:
    return sum(str(line["event"]).startswith("spans cannot be exported") for line in lines(part))


def _back(part: Part) -> list[dict[str, Any]]:
    return [line for line in lines(part) if line["event"] == "spans are exported again"]


def _until(reached: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
