"""Outgoing calls in traces: a span for each request on the wire, and its `traceparent` for the partner.

Between httpx and the guarded transport, so redirects have spans of their own. Neither path nor query is told:
both are made of payloads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from opentelemetry.trace import SpanKind

from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import Attributes
from perdure.telemetry.trace.current import current_place, surroundings
from perdure.telemetry.trace.tracing import Tracing

_HEADER = "traceparent"
_FAILED_FROM = 400
_PORTS = {"http": 80, "https": 443}


class TracedTransport(httpx.AsyncBaseTransport):
    """Calls outside of any trace pass as they are. A `traceparent` that the step sets itself is left alone."""

    def __init__(self, inner: httpx.AsyncBaseTransport, tracing: Tracing) -> None:
        self._inner = inner
        self._tracing = tracing

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the span ends with the head of the answer."""
        place = current_place()
        if place is None:
            return await self._inner.handle_async_request(request)
        if not self._tracing.exports:
            with _carrying(request, place):
                return await self._inner.handle_async_request(request)
        span = self._tracing.begin(request.method, place, SpanKind.CLIENT)
        try:
            with _carrying(request, span.place):
                answer = await self._inner.handle_async_request(request)
        except BaseException as problem:
            error = type(problem).__name__
            span.end({**_about(request), "error.type": error}, error)
            raise
        status = answer.status_code
        failed = {"error.type": str(status)} if status >= _FAILED_FROM else {}
        span.end({**_about(request), "http.response.status_code": status, **failed}, failed.get("error.type"))
        return answer

    async def aclose(self) -> None:
        """Close what is beneath."""
        await self._inner.aclose()


def _about(request: httpx.Request) -> Attributes:
    around = surroundings()
    return {
        **around.about,
        "http.request.method": request.method,
        "url.scheme": request.url.scheme,
        "server.address": around.mask(request.url.host),
        "server.port": request.url.port or _PORTS.get(request.url.scheme, 0),
    }


@contextmanager
def _carrying(request: httpx.Request, place: TraceContext) -> Iterator[None]:
    """The request names its place while it is sent; a redirect is made of its headers, and has a place of its own."""
    if _HEADER in request.headers:
        yield
        return
    request.headers[_HEADER] = place.traceparent
    try:
        yield
    finally:
        del request.headers[_HEADER]
