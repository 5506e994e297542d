"""What identifies a request: its id and its trace; made by the middleware, used in problems, memos and logs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import uuid_utils
from starlette.requests import HTTPConnection

from perdure.contract.trace import TraceContext, read_traceparent

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`place` is where in which trace the request is answered: in the client's, or in one of its own."""

    request_id: str
    place: TraceContext

    @property
    def traceparent(self) -> str:
        """The place as a W3C header."""
        return self.place.traceparent

    @property
    def trace_id(self) -> str:
        """The trace, 32 hex digits."""
        return self.place.trace_id


def read_request_id(headers: Mapping[str, str]) -> str:
    """The X-Request-Id; one of another form is replaced."""
    sent = headers.get("x-request-id", "")
    return sent if _REQUEST_ID.fullmatch(sent) else str(uuid_utils.uuid7())


def read_trace(headers: Mapping[str, str]) -> TraceContext | None:
    """Where the client is in its trace; a traceparent that is invalid is ignored."""
    return read_traceparent(headers.get("traceparent"))


def context_of(request: HTTPConnection) -> RequestContext:
    """The context the middleware made for this request."""
    found: RequestContext = request.state.context
    return found
