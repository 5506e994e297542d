"""The guarded client's connections against a real server: kept, never mixed up, and none left open."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy


class Server:
    """Answers each path with itself, `/twice/…` with one answer too many. After `/leave/…` it closes without a word."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: Counter[str] = Counter()
        self.opened = 0
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.open.add(writer)
        try:
            while await self._answer((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1], writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.open.discard(writer)

    async def _answer(self, path: bytes, writer: asyncio.StreamWriter) -> bool:
        self.calls[path.decode()] += 1
        body = path + b"." * (300_000 if path.startswith(b"/long/") else 0)
        if path.startswith(b"/twice/"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 50_000):
            writer.write(body[start : start + 50_000])
            await writer.drain()
            await asyncio.sleep(0)
        return not path.startswith(b"/leave/")

    async def left(self, number: int) -> None:
        """Wait until so many connections are open."""
        async with asyncio.timeout(60):
            while len(self.open) != number:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def served() -> AsyncIterator[Server]:
    serving = Server()
    server = await asyncio.start_server(serving.serve, "127.0.0.1", 0)
    serving.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield serving
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with served() as serving:
        yield serving


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with guarded_client(EgressPolicy(allow_private=True)) as client:
        yield client


async def stopped(call: asyncio.Task[httpx.Response]) -> None:
    call.cancel()
    await asyncio.wait([call])


async def test_one_connection_serves_one_call_after_the_other(http: httpx.AsyncClient, server: Server) -> None:
    for number in range(5):
        assert (await http.get(f"{server.url}/{number}")).text == f"/{number}"
    assert server.opened == 1


async def test_a_connection_that_the_server_closed_is_not_used(http: httpx.AsyncClient, server: Server) -> None:
    for number in range(5):
        assert (await http.get(f"{server.url}/leave/{number}")).text == f"/leave/{number}"
        await server.left(0)
    assert server.calls == Counter(f"/leave/{number}" for number in range(5))


async def test_an_answer_too_many_is_nobodys(http: httpx.AsyncClient, server: Server) -> None:
    for path in ("/twice/1", "/twice/2", "/after"):
        assert (await http.get(f"{server.url}{path}")).text == path
    assert server.calls == {"/twice/1": 1, "/twice/2": 1, "/after": 1}


async def test_a_connection_whose_answer_was_not_read_is_closed(http: httpx.AsyncClient, server: Server) -> None:
    async with http.stream("GET", f"{server.url}/long/1") as answer:
        assert answer.status_code == 200
    async with http.stream("GET", f"{server.url}/long/2") as answer:
        async for _ in answer.aiter_raw():
            break
    await server.left(0)
    assert (await http.get(f"{server.url}/after")).text == "/after"


async def test_a_connection_whose_call_was_stopped_is_closed(http: httpx.AsyncClient, server: Server) -> None:
    call = asyncio.create_task(http.get(f"{server.url}/long/1"))
    async with asyncio.timeout(60):
        while not server.calls:
            await asyncio.sleep(0)
    await stopped(call)
    await server.left(0)
    assert (await http.get(f"{server.url}/after")).text == "/after"


async def test_the_client_ends_while_calls_are_under_way(server: Server) -> None:
    async with guarded_client(EgressPolicy(allow_private=True)) as http:
        await asyncio.gather(*(http.get(f"{server.url}/{number}") for number in range(3)))
        opening = http.stream("GET", f"{server.url}/long/1")
        answer = await opening.__aenter__()
    await server.left(1)
    assert (await answer.aread()).startswith(b"/long/1")
    await opening.__aexit__(None, None, None)
    await server.left(0)


async def test_no_answer_is_another_calls_and_no_connection_is_left_open(server: Server) -> None:
    chosen = random.Random(1)

    async def one(number: int) -> None:
        await asyncio.sleep(chosen.random() / 5)
        path = chosen.choice(["/", "/long/"]) + str(number)
        call = asyncio.create_task(client.get(server.url + path))
        if chosen.random() < 0.3:
            for _ in range(chosen.randrange(60)):
                await asyncio.sleep(0)
            await stopped(call)
        if not call.cancelled():
            assert (await call).text.rstrip(".") == path

    async with guarded_client(EgressPolicy(allow_private=True)) as client:
        await asyncio.gather(*(one(number) for number in range(300)))
    await server.left(0)
