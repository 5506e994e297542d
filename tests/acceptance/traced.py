"""A stack that exports its traces to a real receiver, and the traces of its jobs."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from perdure.client import PerdureClient
from tests.server.otlp import ReceivedSpan, Receiver, running_receiver
from tests.server.partner import Partner
from tests.server.stack import Stack, running_stack

SECRET = "s3cr3t-0f-the-partner"
Submit = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def traced(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that exports its traces, soon."""
    with running_stack(
        tmp_path_factory.mktemp("traced"),
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        OTEL_BSP_SCHEDULE_DELAY="100",
        PERDURE_HTTP_ALLOWED_HOSTS="127.0.0.1",
        PERDURE_SECRET_PARTNER=SECRET,
        PERDURE_TRACE_URL="http://jaeger.example/trace/{trace_id}",
    ) as running:
        yield running


@pytest.fixture
def client(traced: Stack) -> Iterator[PerdureClient]:
    with traced.client() as opened:
        yield opened


@pytest.fixture
def submit(traced: Stack) -> Iterator[Submit]:
    """Submits steps; the answer."""
    headers = {"Authorization": f"Bearer {traced.api_key}"}
    with httpx.Client(base_url=traced.info.api_url, headers=headers, trust_env=False, timeout=60) as http:

        def send(*steps: dict[str, Any], traceparent: str | None = None, **fields: Any) -> dict[str, Any]:
            sent = {"traceparent": traceparent} if traceparent else {}
            answer = http.post("/v1/jobs", json={"name": "order", "steps": steps, **fields}, headers=sent)
            assert answer.status_code == 202, answer.text
            assert answer.headers["traceparent"].split("-")[1] == answer.json()["trace_id"]
            found: dict[str, Any] = answer.json()
            return found

        yield send


def call(partner: Partner, step_id: str, **fields: Any) -> dict[str, Any]:
    with_ = {"method": "POST", "url": f"{partner.url}/{step_id}", **fields.pop("with_", {})}
    return {"id": step_id, "type": "HTTP_CALL", "with": with_, **fields}


def retries(count: int) -> dict[str, Any]:
    return {"maximum_attempts": count, "initial_interval": "20ms"}


def whole(spans: list[ReceivedSpan], job_id: str) -> ReceivedSpan | None:
    """The span of the job itself."""
    return next((span for span in spans if span.name.startswith("job ") and span["job_id"] == job_id), None)


def complete(receiver: Receiver, job: dict[str, Any]) -> tuple[list[ReceivedSpan], ReceivedSpan]:
    """The trace of a job once the job's own span is there, and that span."""
    spans = receiver.until(job["trace_id"], lambda found: whole(found, job["id"]))
    # What the API tells comes by another way.
    spans = receiver.until(job["trace_id"], lambda found: any(span.service == "perdure-api" for span in found))
    own = whole(spans, job["id"])
    assert own
    return spans, own
