"""HTTP_CALL within bounds: how much of an answer is read, how many calls and connections there are at once."""

import asyncio
import gzip
import tracemalloc
import zlib

import httpx

from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from tests.integration.activities.http_calling import call, refusal
from tests.integration.activities.partner import Answer, Asked, Partner


async def test_an_endless_answer_is_not_read_on(http: httpx.AsyncClient, partner: Partner) -> None:
    sent = 0

    async def endless(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    partner.answers["/a"] = endless
    error = await refusal(http, f"{partner.url}/a", output_bytes=1000)
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.RESPONSE_TOO_LARGE", "PERMANENT")
    assert sent < 32 * 2**20


async def test_a_declared_length_over_the_limit_is_refused_unread(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(200, b"", length=10**12)
    assert (await refusal(http, f"{partner.url}/a", timeout="5s")).code == "STEP.HTTP.RESPONSE_TOO_LARGE"


async def test_compressed_answers_are_unpacked(http: httpx.AsyncClient, partner: Partner) -> None:
    for encoding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        partner.answers["/a"] = Answer(200, pack(b"0" * 5_000), {"Content-Encoding": encoding})
        assert (await call(http, f"{partner.url}/a"))["body"] == "0" * 5_000


async def test_a_compressed_bomb_is_not_unpacked(http: httpx.AsyncClient, partner: Partner) -> None:
    partner.answers["/a"] = Answer(200, gzip.compress(b"0" * 60_000_000), {"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        error = await refusal(http, f"{partner.url}/a", output_bytes=250_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.code == "STEP.HTTP.RESPONSE_TOO_LARGE"
    assert peak < 8 * 2**20


async def test_two_hundred_slow_calls_hold_up_nobody(http: httpx.AsyncClient, partner: Partner) -> None:
    arrived, release = asyncio.Semaphore(0), asyncio.Event()

    async def slow(_asked: Asked, _writer: asyncio.StreamWriter) -> Answer:
        arrived.release()
        await release.wait()
        return Answer(200, b"late")

    partner.answers["/slow"] = slow
    partner.answers["/quick"] = Answer(200, b"now")
    waiting = [asyncio.create_task(call(http, f"{partner.url}/slow", output="body")) for _ in range(200)]
    for _ in waiting:
        await arrived.acquire()
    assert await call(http, f"{partner.url}/quick", output="body") == "now"
    release.set()
    assert await asyncio.gather(*waiting) == ["late"] * 200


async def test_connections_are_kept(partner: Partner) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with guarded_client(EgressPolicy(allow_private=True)) as http:
        for _ in range(5):
            await call(http, f"http://127.0.0.1:{port}/")
    server.close()
    await server.wait_closed()
    assert connections == 1
