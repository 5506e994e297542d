"""Around every request: its context, the headers every answer has, and the last resort against errors."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.context import RequestContext, read_request_id, read_trace
from api.errors import unexpected
from api.request_trace import RequestSpan
from perdure.telemetry.trace.tracing import Tracing


class ContextMiddleware:
    """Gives each request its `RequestContext` and its span, and each answer its X-Request-Id and traceparent."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # To everything within it is a GET; the server, which knows better, sends no body.
            scope = {**scope, "method": "GET"}
        asked = Headers(scope=scope)
        span = RequestSpan(self._tracing, scope, read_trace(asked))
        context = RequestContext(read_request_id(asked), span.place)
        scope.setdefault("state", {})["context"] = context
        started, status, location = False, 500, ""

        async def answer(message: Message) -> None:
            nonlocal started, status, location
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                headers = MutableHeaders(scope=message)
                location = headers.get("location", "")
                headers["X-Request-Id"] = context.request_id
                headers["traceparent"] = context.traceparent
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        # Whatever is logged on behalf of this request can be found by it.
        with bound_contextvars(request_id=context.request_id, trace_id=context.trace_id):
            try:
                await self.app(scope, receive, answer)
            except Exception as error:  # noqa: BLE001 - the last resort: answered as API.INTERNAL and logged
                response = unexpected(Request(scope), error)
                if not started:
                    await response(scope, receive, answer)
            finally:
                span.end(status, location)
