"""Bodies that arrive slowly, or never: on real sockets, as no HTTP client would send them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.integration.api.stack import Api, running_api, spec
from tests.integration.store.server import PostgresServer

PATIENCE = 1.0


@pytest.fixture(scope="module")
async def hasty(api_postgres: PostgresServer, temporal_address: str) -> AsyncIterator[Api]:
    """An API that waits a second for a body."""
    changes = {"temporal_address": temporal_address, "body_timeout_seconds": PATIENCE}
    settings = api_postgres.create_database("hasty").model_copy(update=changes)
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    async with running_api(settings, client) as running:
        yield running


class Connection:
    """One TCP connection to the API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, api: Api, headers: str, path: str = "/v1/jobs") -> "Connection":
        port = int(api.url.rsplit(":", 1)[1])
        self = cls(*await asyncio.open_connection("127.0.0.1", port))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.admin.text}\r\n"
        await self.send(f"{head}Content-Type: application/json\r\n{headers}\r\n\r\n".encode())
        return self

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """All that comes until the server closes the connection, or resets it for what it has not read."""
        told = b""
        try:
            async with asyncio.timeout(60):
                with suppress(ConnectionError):
                    while part := await self.reader.read(65_536):
                        told += part
        finally:
            self.writer.close()
        return told


@pytest.mark.parametrize(
    ("headers", "begun"),
    [
        ("Content-Length: 100", b""),
        ("Content-Length: 100", b'{"name": "half'),
        ("Transfer-Encoding: chunked", b'5\r\n{"nam\r\n'),
    ],
)
async def test_a_body_that_does_not_arrive_is_a_408_and_the_connection_is_closed(
    hasty: Api, headers: str, begun: bytes
) -> None:
    started = time.monotonic()
    connection = await Connection.open(hasty, headers)
    await connection.send(begun)
    head, _, body = (await connection.rest()).partition(b"\r\n\r\n")
    assert PATIENCE - 0.2 < time.monotonic() - started < PATIENCE + 30
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert (problem["code"], problem["status"], problem["retryable"]) == ("API.BODY_TIMEOUT", 408, True)
    assert f"{PATIENCE:g} s" in problem["detail"]


async def test_a_body_may_come_in_drops_but_not_longer_than_the_limit(hasty: Api) -> None:
    connection = await Connection.open(hasty, "Content-Length: 1000")
    answer = asyncio.create_task(connection.rest())
    while not answer.done():
        connection.writer.write(b" ")
        await asyncio.sleep(0.2)
    assert (await answer).startswith(b"HTTP/1.1 408 ")


async def test_a_body_in_two_parts_is_read_whole(api: Api) -> None:
    body = json.dumps(spec()).encode()
    connection = await Connection.open(api, f"Content-Length: {len(body)}\r\nConnection: close")
    await connection.send(body[:10])
    await asyncio.sleep(0.2)
    await connection.send(body[10:])
    assert (await connection.rest()).startswith(b"HTTP/1.1 202 ")


async def test_an_optional_body_is_awaited_no_longer(hasty: Api) -> None:
    connection = await Connection.open(hasty, "Content-Length: 5", path="/v1/jobs/default:nobody/cancel")
    assert (await connection.rest()).startswith(b"HTTP/1.1 408 ")
