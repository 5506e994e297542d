"""HTTP_CALL where something breaks on the way: what is told, and whether it was sent."""

import asyncio
import gzip
import socket
import sys
import time

import httpx
import pytest

from perdure.contract.effect import effect_unknown
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from tests.integration.activities.http_calling import refusal
from tests.integration.activities.partner import Answer, Asked, Partner

DYING_SERVER = """
import os, signal, socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    connection, _ = server.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\nhalf of ")
    os.kill(os.getpid(), signal.SIGKILL)
"""
PACKED = gzip.compress(b"x" * 99, mtime=0)


async def test_a_slow_answer_times_out(http: httpx.AsyncClient, partner: Partner) -> None:
    async def drip(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(600):
            writer.write(b"x")
            await asyncio.sleep(0.05)

    partner.answers["/a"] = drip
    began = time.monotonic()
    error = await refusal(http, f"{partner.url}/a", timeout="300ms")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.TIMEOUT", "TIMEOUT")
    assert time.monotonic() - began < 15  # the drip takes 30 s


async def test_nobody_listening_is_transient(http: httpx.AsyncClient, partner: Partner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with guarded_client(EgressPolicy(allow_private=True)) as free:
            error = await refusal(free, f"http://127.0.0.1:{port}/")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.CONNECT", "TRANSIENT")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + PACKED[:12],
    ],
)
async def test_a_broken_answer_is_transient(http: httpx.AsyncClient, partner: Partner, raw: bytes) -> None:
    async def breaks(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    partner.answers["/a"] = breaks
    error = await refusal(http, f"{partner.url}/a")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.DISCONNECTED", "TRANSIENT")


async def test_a_server_killed_in_the_middle_of_its_answer_leaves_the_effect_open(http: httpx.AsyncClient) -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", DYING_SERVER, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    async with guarded_client(EgressPolicy(allow_private=True)) as free:
        error = await refusal(free, f"http://127.0.0.1:{port}/pay", method="POST", json={"amount": 1})
        assert (await server.wait(), error.code) == (-9, "STEP.HTTP.DISCONNECTED")
        assert effect_unknown(error.info())
        gone = await refusal(free, f"http://127.0.0.1:{port}/pay", method="POST", json={"amount": 1})
    assert gone.code == "STEP.HTTP.CONNECT"
    assert not effect_unknown(gone.info())


async def test_a_handshake_that_hangs_sent_nothing(http: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with guarded_client(EgressPolicy(allow_private=True)) as free:
            error = await refusal(free, f"https://127.0.0.1:{port}/", timeout="300ms")
            assert (error.code, str(error.error_class)) == ("STEP.HTTP.CONNECT", "TRANSIENT")
            asked = await refusal(free, f"http://127.0.0.1:{port}/", timeout="300ms")
    assert (asked.code, str(asked.error_class)) == ("STEP.HTTP.TIMEOUT", "TIMEOUT")


async def test_a_redirect_to_where_nobody_listens_was_not_sent_there(http: httpx.AsyncClient, partner: Partner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        partner.answers["/a"] = Answer(302, headers={"Location": f"http://127.0.0.1:{taken.getsockname()[1]}/"})
        async with guarded_client(EgressPolicy(allow_private=True)) as free:
            error = await refusal(free, f"{partner.url}/a")
    assert error.code == "STEP.HTTP.CONNECT"


async def test_an_unknown_name_is_transient(http: httpx.AsyncClient) -> None:
    error = await refusal(http, "http://no-such-host.invalid/")
    assert (error.code, str(error.error_class)) == ("STEP.HTTP.CONNECT", "TRANSIENT")
