"""Asks a service on this machine whether it is ready; used by the services of the stack."""

import asyncio
from urllib.parse import urlsplit

from perdure.embedded.port import LOOPBACK

_TIMEOUT = 5.0  # seconds
_SHOWN = 500  # characters of an answer
_READ_LIMIT = 65_536  # bytes


async def tcp_problem(port: int) -> str | None:
    """Return None when `port` takes connections, else why not."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return f"nothing listens on port {port}"
    writer.close()
    return None


async def http_problem(url: str) -> str | None:
    """Return None when `url` answers 200, else what it says instead.

    Spoken by hand: it is asked twenty times a second, and a client library costs more than the answer.
    """
    try:
        async with asyncio.timeout(_TIMEOUT):
            head, _, body = (await _get(url)).partition("\r\n\r\n")
    except TimeoutError:
        return f"{url} gives no answer"
    except OSError:
        return f"{url} cannot be reached"
    status = [*head.split(maxsplit=2), "", ""][1]
    return None if status == "200" else f"{url} answers {status or 'nothing'}: {body[:_SHOWN]}"


async def _get(url: str) -> str:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        answer = b""
        while len(answer) < _READ_LIMIT and (more := await reader.read(_READ_LIMIT)):
            answer += more
        return answer.decode("utf-8", errors="replace")
    finally:
        writer.close()
