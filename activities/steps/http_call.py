"""`HTTP_CALL`: one request through the guarded client, its answer bounded, its failure classified."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from activities.steps.http_answer import bounded_answer, refused
from perdure.contract.duration import parse_duration
from perdure.steps import ErrorClass, StepContext, StepError, step
from perdure.steps.parameter.http_call import HttpCallParams

_REDIRECTS = 5
# UnicodeError: a host in a redirect that is no international name.
_UNSENDABLE = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError)
_KEPT_ACROSS_ORIGINS = ("accept", "accept-encoding", "accept-language", "user-agent", "idempotency-key")


@step("HTTP_CALL")
async def http_call(ctx: StepContext, params: HttpCallParams) -> Any:
    """The answer `{status, headers, body}`, or its body alone. A body that is no text is in base64."""
    url = httpx.URL(params.url)
    where = {"method": params.method, "url": public_url(url)}
    seconds = parse_duration(params.timeout).total_seconds()
    request = _request(ctx, params, url, seconds)
    wire = _Wire()
    try:
        async with asyncio.timeout(seconds), _answer(ctx.http, request, params, wire) as answer:
            if not params.expects(answer.status_code):
                raise await refused(answer, where)
            output = await bounded_answer(answer, ctx.limits.output_bytes, where)
    except (TimeoutError, httpx.TimeoutException):
        raise _late(params.timeout, where, wire) from None
    except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as problem:
        raise _broken(problem, where, wire) from None
    return output if params.output == "full" else output["body"]


class _Wire:
    """Whether the current request of a call has begun to go out: only what has can have taken effect."""

    def __init__(self) -> None:
        self.sent = False

    def watch(self, request: httpx.Request) -> None:
        """Look at this request from now on, which is not sent yet."""
        self.sent = False
        request.extensions = {**request.extensions, "trace": self._on_event}

    async def _on_event(self, name: str, info: Any) -> None:
        # httpcore names each stage of a request; connecting and TLS come before this one.
        if name.endswith(".send_request_headers.started"):
            self.sent = True
            info["request"].extensions.pop("trace", None)  # of the eight that follow nobody wants to hear


def public_url(url: httpx.URL) -> str:
    """The URL without what may be secret: user, password, query and fragment."""
    if not (url.userinfo or url.query or url.fragment):
        return str(url)
    return str(url.copy_with(userinfo=b"", query=None, fragment=None))


def _request(ctx: StepContext, params: HttpCallParams, url: httpx.URL, seconds: float) -> httpx.Request:
    headers = httpx.Headers(params.headers)
    headers.setdefault("Idempotency-Key", ctx.idempotency_key)
    content: bytes | None = None
    if params.json_body is not None:
        headers.setdefault("Content-Type", "application/json")
        content = json.dumps(params.json_body, ensure_ascii=False, separators=(",", ":")).encode()
    elif params.body is not None:
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        content = params.body.encode()
    if params.query:
        url = url.copy_merge_params(params.query)
    # Once connected the whole call's time is the only bound; a second one, at each read and write, would be the same.
    within = httpx.Timeout(None, connect=seconds)
    return ctx.http.build_request(params.method, url, headers=headers, content=content, timeout=within)


@asynccontextmanager
async def _answer(
    client: httpx.AsyncClient, request: httpx.Request, params: HttpCallParams, wire: _Wire
) -> AsyncIterator[httpx.Response]:
    """The answer to read, after following redirects where that is safe: for GET and HEAD."""
    for _ in range(_REDIRECTS):
        wire.watch(request)
        answer = await client.send(request, stream=True)
        try:
            following = answer.next_request if params.method in ("GET", "HEAD") else None
            if following is None or params.expects(answer.status_code):
                yield answer
                return
        finally:
            await answer.aclose()
        request = _redirected(client, request, following)
    wire.watch(request)
    answer = await client.send(request, stream=True)
    try:
        yield answer
    finally:
        await answer.aclose()


def _redirected(client: httpx.AsyncClient, before: httpx.Request, following: httpx.Request) -> httpx.Request:
    if _origin(before.url) == _origin(following.url):
        return following
    # Another origin was not meant to see keys, cookies or the body.
    headers = {name: following.headers[name] for name in _KEPT_ACROSS_ORIGINS if name in following.headers}
    timeout = before.extensions["timeout"]
    return client.build_request(before.method, following.url, headers=headers, extensions={"timeout": timeout})


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _late(allowed: str, where: dict[str, Any], wire: _Wire) -> StepError:
    what = f"{where['method']} {where['url']}"
    if not wire.sent:
        message = f"{what} failed: no connection within {allowed}"
        return StepError("STEP.HTTP.CONNECT", ErrorClass.TRANSIENT, message, where)
    return StepError("STEP.HTTP.TIMEOUT", ErrorClass.TIMEOUT, f"{what} took longer than {allowed}", where)


def _broken(problem: Exception, where: dict[str, Any], wire: _Wire) -> StepError:
    what = f"{where['method']} {where['url']}"
    if isinstance(problem, _UNSENDABLE):
        message = f"{what} led to a request that cannot be sent: {problem}"
        return StepError("STEP.HTTP.EXPECT", ErrorClass.PERMANENT, message, where)
    reason = str(problem) or type(problem).__name__
    if not wire.sent:
        return StepError("STEP.HTTP.CONNECT", ErrorClass.TRANSIENT, f"{what} failed: {reason}", where)
    message = f"{what} was sent, and no whole answer came: {reason}"
    return StepError("STEP.HTTP.DISCONNECTED", ErrorClass.TRANSIENT, message, where)
