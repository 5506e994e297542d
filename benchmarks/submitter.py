"""Submits jobs over kept HTTP connections at little cost of its own: the load generator of the benchmarks.

It shares the processors with what is measured. A whole HTTP client would cost 2 ms of CPU a request, half of what the
API needs for it, and more than the SDK needs to start a plain workflow. The requests are real all the same,
each answer is read whole, and any but 202 ends the benchmark.
"""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_ACCEPTED = b"HTTP/1.1 202 "

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Submitter:
    """Sends the same spec again and again. As many connections as requests are under way at once.

    Args:
        api_url: of the API, `http://host:port`.
        key: an API key.
        spec: the job.
    """

    def __init__(self, api_url: str, key: str, spec: dict[str, Any]) -> None:
        place, body = urlsplit(api_url), json.dumps(spec).encode()
        self._address = (place.hostname or "", place.port or 80)
        head = (
            f"POST /v1/jobs HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._idle: list[_Connection] = []

    async def submit(self, _number: int) -> None:
        """Submit one job.

        Raises:
            RuntimeError: the answer is not 202.
            OSError: the API is away.
        """
        connection = await self._connection()
        reader, writer = connection
        writer.write(self._request)
        head = await reader.readuntil(_END)
        body = await reader.readexactly(_length(head))
        if not head.startswith(_ACCEPTED):
            writer.close()
            raise RuntimeError(f"not accepted: {head.decode()}{body.decode()}")
        self._idle.append(connection)

    async def _connection(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():  # the API closes those that nobody uses
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self._address)

    def close(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError(f"an answer of unknown length: {head.decode()}")
