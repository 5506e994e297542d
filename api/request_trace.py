"""The span of a request, from the client's trace or a new one; used by the middleware.

Never the path or the query: the route's template names the one, and people put secrets into the other.
"""

from opentelemetry.trace import SpanKind
from starlette.types import Scope

from api.request_subject import QUIET, job_of, route_of
from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import told
from perdure.telemetry.trace.tracing import Tracing

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_FAILED_FROM = 500


class RequestSpan:
    """`place` is the span's own, for the job and the log; where no span is made, it still names a trace."""

    def __init__(self, tracing: Tracing, scope: Scope, sent: TraceContext | None) -> None:
        self._scope = scope
        self._method = scope["method"] if scope["method"] in _METHODS else "HTTP"
        wanted = tracing.exports and scope["path"] not in QUIET
        self._span = tracing.begin(self._method, sent, SpanKind.SERVER) if wanted else None
        self.place = self._span.place if self._span else tracing.place(sent)

    def end(self, status: int, location: str) -> None:
        """The request was answered with this status and Location header."""
        if self._span is None:
            return
        route, job_id = route_of(self._scope), job_of(self._scope, location)
        principal = self._scope.get("state", {}).get("principal")
        about = {
            "http.request.method": self._method,
            "http.route": route,
            "http.response.status_code": status,
            "trace_id": self.place.trace_id,
            "tenant": getattr(principal, "home", None),
            "principal": getattr(principal, "actor", None),
            "job_id": job_id,
        }
        error = str(status) if status >= _FAILED_FROM else None
        name = f"{self._method} {route}" if route else self._method
        self._span.end(told(**about, **({"error.type": error} if error else {})), error, name)
