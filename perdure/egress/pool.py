"""Open connections between two requests; the guarded transport takes them from here, and gives them back.

httpcore's own pool looks at every connection, and for each idle one at all others, with every request: at fifty
connections a fifth of what a call costs. Here a request looks at the connection it takes.
"""

import ssl
import time
from collections import deque

import httpcore

Origin = tuple[bytes, bytes, int]

MOST_IDLE = 100
IDLE_SECONDS = 15.0
_SWEEP_SECONDS = 1.0


class IdleConnections:
    """HTTP/1.1 connections, the last used first. No bound on those in use: step slots are the bound."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext) -> None:
        self._backend = backend
        self._tls = tls
        self._idle: dict[Origin, deque[httpcore.AsyncHTTPConnection]] = {}
        self._swept = time.monotonic()

    async def take(self, url: httpcore.URL) -> httpcore.AsyncHTTPConnection:
        """A connection that is still open, or one that will be opened with its first request."""
        waiting = self._idle.get(_origin(url.origin), ())
        while waiting:
            connection = waiting.pop()
            if not connection.has_expired():  # nor closed by the other side
                return connection
            await connection.aclose()
        return httpcore.AsyncHTTPConnection(
            url.origin, self._tls, keepalive_expiry=IDLE_SECONDS, network_backend=self._backend
        )

    async def give_back(self, url: httpcore.URL, connection: httpcore.AsyncHTTPConnection) -> None:
        """Keep it for the next request, if it can serve one."""
        if connection.is_idle():
            self._idle.setdefault(_origin(url.origin), deque()).append(connection)
        now = time.monotonic()
        if now - self._swept > _SWEEP_SECONDS:
            self._swept = now
            await self._sweep()

    async def aclose(self) -> None:
        """Close those that are idle."""
        kept, self._idle = self._idle, {}
        for waiting in kept.values():
            for connection in waiting:
                await connection.aclose()

    async def _sweep(self) -> None:
        left = MOST_IDLE
        for origin, waiting in list(self._idle.items()):
            for connection in list(waiting):
                if left <= 0 or connection.has_expired():
                    waiting.remove(connection)
                    await connection.aclose()
                else:
                    left -= 1
            if not waiting:
                self._idle.pop(origin, None)


def _origin(origin: httpcore.Origin) -> Origin:
    return origin.scheme, origin.host, origin.port
