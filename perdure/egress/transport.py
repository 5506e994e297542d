"""httpx's way to the guarded backend, through httpcore's public API, so that nothing can slip past it."""

import importlib.util
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

import httpcore
import httpx

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
    """A pool of HTTP/1.1 connections over one network backend; no proxies."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, *, tls: ssl.SSLContext) -> None:
        # No bound on connections: the worker's step slots are the bound, and a second one would only starve.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=100,
            keepalive_expiry=15.0,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the body of the answer is read by the caller."""
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101  async clients make no other
        raw = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = await self._pool.handle_async_request(raw)
        except _RAISED as problem:
            raise _translated(problem) from None
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.aiter_stream():
                yield part
        except _RAISED as problem:
            raise _translated(problem) from None

    async def aclose(self) -> None:
        await self._answer.aclose()


def _translated(problem: Exception) -> httpx.TransportError:
    return _ERRORS.get(type(problem), httpx.TransportError)(str(problem))
