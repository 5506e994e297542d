"""httpx's way to the guarded backend, through httpcore's public API, so that nothing can slip past it."""

import importlib.util
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

import httpcore
import httpx

from perdure.egress.pool import IdleConnections

_ERRORS: Mapping[type[Exception], type[httpx.TransportError]] = MappingProxyType(
    {
        httpcore.ConnectTimeout: httpx.ConnectTimeout,
        httpcore.ReadTimeout: httpx.ReadTimeout,
        httpcore.WriteTimeout: httpx.WriteTimeout,
        httpcore.PoolTimeout: httpx.PoolTimeout,
        httpcore.ConnectError: httpx.ConnectError,
        httpcore.ReadError: httpx.ReadError,
        httpcore.WriteError: httpx.WriteError,
        httpcore.LocalProtocolError: httpx.LocalProtocolError,
        httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
        httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    }
)
_RAISED = tuple(_ERRORS)

# httpcore tries to import sniffio with each request. A failed import searches the whole path, every time: 40 µs.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # "there is none", known without a search


class GuardedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 connections over one network backend; no proxies."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, *, tls: ssl.SSLContext) -> None:
        self._connections = IdleConnections(backend, tls)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body of the answer is read by the caller.

        Raises:
            httpx.TransportError: it could not be sent, or no answer came.
        """
        raw = _raw(request)
        connection = self._connections.take(raw.url)
        try:
            answer = await connection.handle_async_request(raw)
        except BaseException as problem:
            self._connections.drop(connection)
            if isinstance(problem, _RAISED):
                raise _translated(problem) from None
            raise
        body = _Body(answer, raw.url, connection, self._connections)
        return httpx.Response(answer.status, headers=answer.headers, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close all connections that are not in use."""
        await self._connections.aclose()


def _raw(request: httpx.Request) -> httpcore.Request:
    assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101  async clients make no other
    if request.url.scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"the URL begins with {request.url.scheme!r}, not with http:// or https://")
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


class _Body(httpx.AsyncByteStream):
    """Of an answer whose connection is free for another request once the body is closed."""

    def __init__(
        self,
        answer: httpcore.Response,
        url: httpcore.URL,
        connection: httpcore.AsyncHTTPConnection,
        connections: IdleConnections,
    ) -> None:
        self._answer = answer
        self._url = url
        self._connection: httpcore.AsyncHTTPConnection | None = connection
        self._connections = connections

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.aiter_stream():
                yield part
        except _RAISED as problem:
            raise _translated(problem) from None

    async def aclose(self) -> None:
        try:
            await self._answer.aclose()
        finally:  # stopped or not: it goes back when the whole answer was read, and is closed when not
            connection, self._connection = self._connection, None
            if connection is not None:
                self._connections.give_back(self._url, connection)


def _translated(problem: Exception) -> httpx.TransportError:
    return _ERRORS.get(type(problem), httpx.TransportError)(str(problem))
