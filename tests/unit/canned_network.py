"""A network whose far side answers at once and whose connections a test watches; for tests of the guarded client."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpcore


class CannedStream(httpcore.AsyncNetworkStream):
    """One connection. Whatever it does lets others run first, as a socket would."""

    def __init__(self, network: "CannedNetwork", number: int) -> None:
        self.number = number
        self.closed = False
        self.left = False
        """The far side has closed it."""
        self._network = network
        self._unread = b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        await asyncio.sleep(0)
        if not buffer.startswith(b"GET "):
            return
        path = buffer.split(b" ", 2)[1]
        self._unread += b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(path) + path

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        await asyncio.sleep(0)
        await self._network.reading.wait()
        # In pieces, so that a call can be stopped in the middle of an answer.
        part, self._unread = self._unread[:16], self._unread[16:]
        return part

    async def aclose(self) -> None:
        self.closed = True
        await self._network.closing.wait()
        await asyncio.sleep(0)

    def get_extra_info(self, info: str) -> Any:
        return self.left if info == "is_readable" else None


class CannedNetwork(httpcore.AsyncNetworkBackend):
    """Hands out streams. Reads and closings wait while their event is cleared."""

    def __init__(self) -> None:
        self.streams: list[CannedStream] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.closing = asyncio.Event()
        self.closing.set()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        await asyncio.sleep(0)
        self.streams.append(CannedStream(self, len(self.streams)))
        return self.streams[-1]

    @property
    def open(self) -> list[int]:
        """The numbers of the streams that nobody has closed."""
        return [stream.number for stream in self.streams if not stream.closed]
