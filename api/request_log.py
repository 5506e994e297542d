"""One log line and one measurement for each request; the outermost middleware of the application."""

import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.request_subject import QUIET, job_of, route_of
from perdure.contract.identifier import tenant_of
from perdure.telemetry.metric.request import RequestMetrics

_log = structlog.get_logger("perdure.request")


class RequestLogMiddleware:
    """Tells who asked for which route, how it was answered, and how long that took.

    Never the path or the query: the route's template names the one, and people put secrets into the other.
    """

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        status, location = 500, ""

        async def answer(message: Message) -> None:
            nonlocal status, location
            if message["type"] == "http.response.start":
                status = message["status"]
                location = Headers(raw=message.get("headers", [])).get("location", "")
            await send(message)

        with self._metrics.in_progress.track_inprogress():
            try:
                await self.app(scope, receive, answer)
            finally:
                self._tell(scope, status, location, time.monotonic() - began)

    def _tell(self, scope: Scope, status: int, location: str, seconds: float) -> None:
        route = route_of(scope)
        self._metrics.answered(scope["method"], route, status, seconds)
        fields = {
            "method": scope["method"][:20],
            "route": route,
            "http_status": status,
            "execution_ms": round(seconds * 1000, 1),
            **_who(scope.get("state", {})),
            **_which(scope, location),
        }
        if status >= 500:  # noqa: PLR2004
            _log.warning("request", **fields)
        else:
            (_log.debug if route in QUIET else _log.info)("request", **fields)


def _who(state: MutableMapping[str, Any]) -> dict[str, Any]:
    context, principal = state.get("context"), state.get("principal")
    return {
        "request_id": getattr(context, "request_id", None),
        "trace_id": getattr(context, "trace_id", None),
        "principal": getattr(principal, "actor", None),
        "tenant": getattr(principal, "home", None),
    }


def _which(scope: Scope, location: str) -> dict[str, Any]:
    job_id = job_of(scope, location)
    return {"job_id": job_id, "tenant": tenant_of(job_id)} if job_id else {}
