"""A receiver of traces: OTLP over HTTP, protobuf, as a collector speaks it; keeps what it is sent."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

_INDENT = "   "


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it came. Times are Unix seconds; `parent_id` is empty at a root."""

    service: str
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start: float
    end: float
    failed: bool
    status: str
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]
    raw: bytes

    def __getitem__(self, name: str) -> Any:
        return self.attributes.get(name)


class Receiver:
    """Answers `status` to every export. `requests` counts them."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.status = 200
        self.requests = 0
        self._spans: list[ReceivedSpan] = []
        self._lock = threading.Lock()

    @property
    def spans(self) -> list[ReceivedSpan]:
        with self._lock:
            return list(self._spans)

    def take(self, body: bytes) -> int:
        with self._lock:
            self.requests += 1
            if self.status == 200:
                self._spans += read_spans(body)
            return self.status

    def trace(self, trace_id: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def until(
        self, trace_id: str, complete: Callable[[list[ReceivedSpan]], Any], seconds: float = 60.0
    ) -> list[ReceivedSpan]:
        """The spans of a trace as soon as `complete` says so of them."""
        deadline = time.monotonic() + seconds
        while not complete(found := self.trace(trace_id)):
            assert time.monotonic() < deadline, f"not within {seconds} s; there is:\n{tree(found)}"
            time.sleep(0.05)
        return found


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            known = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(receiver.take(body) if known else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def read_spans(body: bytes) -> Iterator[ReceivedSpan]:
    """The spans of one export."""
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _attributes(resource.resource.attributes).get("service.name", "")
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _received(span, service)


def _received(span: Span, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        service=service,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        start=span.start_time_unix_nano / 1e9,
        end=span.end_time_unix_nano / 1e9,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        status=span.status.message,
        attributes=_attributes(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        raw=span.SerializeToString(),
    )


def _attributes(pairs: Sequence[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind else None


def children(spans: Sequence[ReceivedSpan], of: ReceivedSpan) -> list[ReceivedSpan]:
    """What is directly under a span, in order of time."""
    return sorted((span for span in spans if span.parent_id == of.span_id), key=lambda span: span.start)


def tree(spans: Sequence[ReceivedSpan]) -> str:
    """A trace for people: a line a span, under its parent; those whose parent is not there first."""
    known = {span.span_id for span in spans}
    roots = sorted((span for span in spans if span.parent_id not in known), key=lambda span: span.start)
    return "\n".join(line for root in roots for line in _lines(spans, root, 0))


_SHOWN = (
    "job_id",
    "step_id",
    "item",
    "compensates",
    "attempt",
    "round",
    "status",
    "error_code",
    "actor",
    "reason",
    "worker",
    "http.response.status_code",
)


def _lines(spans: Sequence[ReceivedSpan], span: ReceivedSpan, depth: int) -> Iterator[str]:
    facts = [f"{name}={span[name]}" for name in _SHOWN if span[name] is not None]
    mark = "✗ " if span.failed else ""
    service = span.service.removeprefix("perdure-")
    lasted = f"{(span.end - span.start) * 1000:.0f} ms"
    yield f"{_INDENT * depth}{mark}{span.name} [{service}, {lasted}] {' '.join(facts)}"
    for child in children(spans, span):
        yield from _lines(spans, child, depth + 1)
