"""Ports: free ones, taken ones, the same one twice; and the probes that ask them."""

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from perdure.embedded.error import PortTakenError
from perdure.embedded.port import PortWish, settle_ports
from perdure.embedded.probe import http_problem, tcp_problem

API = PortWish("API", "--api-port", 0)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_zero_gives_free_ports_all_different() -> None:
    ports = settle_ports([API] * 20)
    assert len(set(ports)) == 20
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_given_port_is_kept_and_not_given_to_another() -> None:
    (free,) = settle_ports([API])
    first, second = settle_ports([API, PortWish("Temporal", "--temporal-port", free)])
    assert (first != free, second) == (True, free)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])
def test_taken_port_names_service_option_and_holder(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, dualstack_ipv6=family == socket.AF_INET6) as taken:
        number = taken.getsockname()[1]
        said = rf"port {number} \(API, --api-port\) is already in use by pid {os.getpid()} \(.+\)\. .*--api-port"
        with pytest.raises(PortTakenError, match=said):
            settle_ports([PortWish("API", "--api-port", number)])


def test_port_with_old_connections_but_no_listener_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", number)):
            server.accept()[0].close()
    assert settle_ports([PortWish("API", "--api-port", number)]) == (number,)


def test_port_asked_for_twice_is_refused() -> None:
    (free,) = settle_ports([API])
    wishes = [PortWish("API", "--api-port", free), PortWish("Web UI", "--ui-port", free)]
    with pytest.raises(PortTakenError, match=rf"port {free} is asked for twice.* Web UI \(--ui-port\)"):
        settle_ports(wishes)


async def test_tcp_probe(listener: socket.socket) -> None:
    number = listener.getsockname()[1]
    assert await tcp_problem(number) is None
    listener.close()
    assert await tcp_problem(number) == f"nothing listens on port {number}"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nfine", None),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\nPostgres is away", "answers 503: Postgres is away"),
        (b"", "answers nothing: "),
        (b"\xff\xfe nonsense", "answers nonsense: "),
    ],
)
async def test_http_probe(answer: bytes, problem: str | None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/readyz"
        assert await http_problem(url) == (problem if problem is None else f"{url} {problem}")
    assert await http_problem(url) == f"{url} cannot be reached"
