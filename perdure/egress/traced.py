"""Outgoing calls in traces: a span for each request on the wire, and its `traceparent` for the partner.

Between httpx and the guarded transport, so redirects have spans of their own. Neither path nor query is told:
both are made of payloads.
"""

import httpx
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.status import Status, StatusCode

from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import Attributes
from perdure.telemetry.trace.current import current_place
from perdure.telemetry.trace.tracing import Tracing, context_of_span

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
        span = self._tracing.begin(
            request.method, place, kind=SpanKind.CLIENT, attributes=_told(request) if self._tracing.exports else None
        )
        try:
            answer = await self._inner.handle_async_request(_with_context(request, context_of_span(span)))
        except BaseException as problem:
            span.set_attribute("error.type", type(problem).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        else:
            _answered(span, answer.status_code)
            return answer
        finally:
            span.end()

    async def aclose(self) -> None:
        """Close what is beneath."""
        await self._inner.aclose()


def _told(request: httpx.Request) -> Attributes:
    return {
        "http.request.method": request.method,
        "url.scheme": request.url.scheme,
        "server.address": request.url.host,
        "server.port": request.url.port or _PORTS.get(request.url.scheme, 0),
    }


def _answered(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= _FAILED_FROM:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


def _with_context(request: httpx.Request, place: TraceContext) -> httpx.Request:
    if _HEADER in request.headers:
        return request
    # Another request: a redirect is made of the first one's headers, and has a context of its own.
    headers = httpx.Headers(request.headers)
    headers[_HEADER] = place.traceparent
    return httpx.Request(
        request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
    )
