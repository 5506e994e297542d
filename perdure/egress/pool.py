"""Open connections between two requests; the guarded transport takes them from here, and gives them back.

httpcore's own pool looks at every connection, and for each idle one at all others, with every request: at fifty
connections a fifth of what a call costs. Here a request looks at the connection it takes. Nothing here waits but the
last `aclose`, so no two callers ever see the same connection.
"""

import asyncio
import ssl
from collections import deque
from contextlib import suppress

import httpcore

Origin = tuple[bytes, bytes, int]
Connection = httpcore.AsyncHTTPConnection

MOST_IDLE = 100
IDLE_SECONDS = 15.0
_SWEEP_SECONDS = 1.0


class IdleConnections:
    """HTTP/1.1 connections, the last used first. No bound on those in use: step slots are the bound."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, tls: ssl.SSLContext) -> None:
        self._backend = backend
        self._tls = tls
        self._idle: dict[Origin, deque[Connection]] = {}  # none empty; the origin that was used last is the last
        self._sweeping: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._ended = False

    def take(self, url: httpcore.URL) -> Connection:
        """A connection that is still open, or one that will be opened with its first request."""
        origin = _origin(url)
        while origin in self._idle:
            connection = self._idle[origin].pop()
            if not self._idle[origin]:
                del self._idle[origin]
            if not connection.has_expired():  # nor closed by the other side
                return connection
            self.drop(connection)
        return Connection(url.origin, self._tls, keepalive_expiry=IDLE_SECONDS, network_backend=self._backend)

    def give_back(self, url: httpcore.URL, connection: Connection) -> None:
        """Keep it for the next request, if it can serve one; else it is closed."""
        if self._ended or not connection.is_idle() or _said_too_much(connection):
            self.drop(connection)
            return
        waiting = self._idle.pop(_origin(url), deque())
        waiting.append(connection)
        self._idle[_origin(url)] = waiting
        if sum(map(len, self._idle.values())) > MOST_IDLE:
            self._drop_oldest()
        if self._sweeping is None:
            self._sweep_later()

    def drop(self, connection: Connection) -> None:
        """Close it, in a task of its own: whoever calls may be stopped at any moment."""
        if not connection.is_closed():
            closing = asyncio.create_task(_close(connection))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close those that are idle. Those in use are closed once they are given back."""
        self._ended = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        kept, self._idle = self._idle, {}
        for waiting in kept.values():
            for connection in waiting:
                self.drop(connection)
        if self._closing:
            await asyncio.wait(self._closing)

    def _drop_oldest(self) -> None:
        origin, waiting = next(iter(self._idle.items()))
        self.drop(waiting.popleft())
        if not waiting:
            del self._idle[origin]

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        kept, self._idle = self._idle, {}
        for origin, waiting in kept.items():
            for connection in waiting:
                if connection.has_expired():
                    self.drop(connection)
                else:
                    self._idle.setdefault(origin, deque()).append(connection)
        if self._idle:
            self._sweep_later()


async def _close(connection: Connection) -> None:
    with suppress(Exception):  # it is given up either way
        await connection.aclose()


def _said_too_much(connection: Connection) -> bool:
    """Whether more than the answer was read: httpcore would take it for the answer to the next request."""
    parser = getattr(getattr(connection, "_connection", None), "_h11_state", None)  # it tells nobody
    return parser is not None and parser.trailing_data[0] != b""


def _origin(url: httpcore.URL) -> Origin:
    origin = url.origin
    return origin.scheme, origin.host, origin.port
