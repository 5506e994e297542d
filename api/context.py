"""What identifies a request: its id and its trace; made by the middleware, used in problems, memos and logs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import uuid_utils
from starlette.requests import HTTPConnection

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.{0,200})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`traceparent` is the W3C header as sent where it is valid, `trace_id` the trace in it."""

    request_id: str
    traceparent: str | None
    trace_id: str | None


def read_context(headers: Mapping[str, str]) -> RequestContext:
    """The context of a request. An X-Request-Id of another form is replaced, an invalid traceparent ignored."""
    sent = headers.get("x-request-id", "")
    request_id = sent if _REQUEST_ID.fullmatch(sent) else str(uuid_utils.uuid7())
    traceparent = headers.get("traceparent", "")
    match = _TRACEPARENT.fullmatch(traceparent)
    # Only versions after 00 may have more behind.
    if match is None or (match[1] == "00" and match[4]) or not match[2].strip("0") or not match[3].strip("0"):
        return RequestContext(request_id, None, None)
    return RequestContext(request_id, traceparent, match[2])


def context_of(request: HTTPConnection) -> RequestContext:
    """The context the middleware made for this request."""
    found: RequestContext = request.state.context
    return found
