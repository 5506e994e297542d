"""A real HTTP server on a free port, scripted per path, that remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None

    def raw(self) -> bytes:
        headers = {"Content-Length": str(len(self.body) if self.length is None else self.length), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Said\r\n{lines}Connection: close\r\n\r\n".encode() + self.body


Handler = Callable[[Asked, asyncio.StreamWriter], Awaitable[Answer | None]]


class Partner:
    """`answers` by path: a fixed Answer, a list used up one by one (the last stays), or a handler."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | list[Answer] | Handler] = {}
        self.asked: list[Asked] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def to(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path, _, query = target.partition("?")
        asked = Asked(method, path, query, headers, body)
        self.asked.append(asked)
        answer = await self._answer(asked, writer)
        if answer is not None:
            writer.write(answer.raw())
            await writer.drain()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> Answer | None:
        scripted = self.answers.get(asked.path, Answer(404, b"no such path"))
        if isinstance(scripted, Answer):
            return scripted
        if isinstance(scripted, list):
            return scripted.pop(0) if len(scripted) > 1 else scripted[0]
        return await scripted(asked, writer)


@asynccontextmanager
async def partner_server() -> AsyncIterator[Partner]:
    partner = Partner()
    server = await asyncio.start_server(partner.serve, "127.0.0.1", 0)
    partner.port = server.sockets[0].getsockname()[1]
    try:
        yield partner
    finally:
        server.close()
        await server.wait_closed()
