"""Around every request: its context, the headers every answer has, and the last resort against errors."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.context import read_context
from api.errors import unexpected


class ContextMiddleware:
    """Gives each request its `RequestContext` and each answer its X-Request-Id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = read_context(Headers(scope=scope))
        scope.setdefault("state", {})["context"] = context
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = context.request_id
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
