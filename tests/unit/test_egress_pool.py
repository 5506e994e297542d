"""Connections between two calls: none is lost, none is used twice at once or half-read, whatever happens when."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest

from perdure.egress import pool
from perdure.egress.transport import GuardedTransport
from tests.unit.canned_network import CannedNetwork

HERE, THERE = "http://here.example", "http://there.example"


@pytest.fixture
def network() -> CannedNetwork:
    return CannedNetwork()


@pytest.fixture
async def http(network: CannedNetwork) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=GuardedTransport(network, tls=ssl.create_default_context())) as client:
        yield client
        network.reading.set()
        network.closing.set()


async def at_once(http: httpx.AsyncClient, network: CannedNetwork, *urls: str) -> list[str]:
    """Calls that are all under way before the first is answered, so that each has a connection of its own."""
    network.reading.clear()
    calls = [asyncio.create_task(http.get(url)) for url in urls]
    await turns(20)
    network.reading.set()
    return [(await call).text for call in calls]


async def turns(number: int) -> None:
    """Let everything that is ready run, that many times."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_one_call_after_the_other_uses_one_connection(http: httpx.AsyncClient, network: CannedNetwork) -> None:
    assert [(await http.get(f"{HERE}/{number}")).text for number in range(3)] == ["/0", "/1", "/2"]
    assert len(network.streams) == 1


async def test_calls_at_once_have_connections_of_their_own(http: httpx.AsyncClient, network: CannedNetwork) -> None:
    assert await at_once(http, network, *(f"{HERE}/{number}" for number in range(5))) == ["/0", "/1", "/2", "/3", "/4"]
    assert await at_once(http, network, *(f"{HERE}/{number}" for number in range(5))) == ["/0", "/1", "/2", "/3", "/4"]
    assert network.open == [0, 1, 2, 3, 4]


async def test_another_origin_gets_none_of_the_first(http: httpx.AsyncClient, network: CannedNetwork) -> None:
    for url in (HERE, THERE, f"{HERE}:81", HERE, THERE, f"{HERE}:81"):
        await http.get(url)
    assert network.open == [0, 1, 2]


async def test_what_the_far_side_closed_meanwhile_is_not_used(http: httpx.AsyncClient, network: CannedNetwork) -> None:
    await at_once(http, network, HERE, HERE, HERE)
    network.streams[1].left = network.streams[2].left = True
    assert (await http.get(f"{HERE}/again")).text == "/again"
    await turns(5)
    assert network.open == [0]


async def test_calls_while_connections_are_swept(
    http: httpx.AsyncClient, network: CannedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0)
    await at_once(http, network, HERE, HERE, HERE)
    monkeypatch.setattr(pool, "IDLE_SECONDS", 15)
    monkeypatch.setattr(pool, "_SWEEP_SECONDS", 0)
    network.closing.clear()
    calls = []
    for url in (f"{THERE}/a", f"{HERE}/b", f"{HERE}/c"):
        calls.append(asyncio.create_task(http.get(url)))
        await turns(30)
    network.closing.set()
    assert [(await call).text for call in calls] == ["/a", "/b", "/c"]


async def test_what_comes_back_while_others_are_swept_is_kept(
    http: httpx.AsyncClient, network: CannedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    await http.get(HERE)
    network.streams[0].left = True
    monkeypatch.setattr(pool, "_SWEEP_SECONDS", 0)
    network.closing.clear()
    first = asyncio.create_task(http.get(THERE))
    await turns(30)
    await http.get(THERE)
    await http.get(HERE)
    network.closing.set()
    await first
    opened = len(network.streams)
    await http.get(HERE)
    assert len(network.streams) == opened
    await http.aclose()
    assert network.open == []


@pytest.mark.parametrize("turn", range(1, 40))
async def test_a_call_stopped_anywhere_loses_no_connection(
    http: httpx.AsyncClient, network: CannedNetwork, turn: int
) -> None:
    await http.get(f"{HERE}/before")
    stopped = asyncio.create_task(http.get(f"{HERE}/stopped-in-the-middle-of-it"))
    await turns(turn)
    stopped.cancel()
    await asyncio.wait([stopped])
    assert (await http.get(f"{HERE}/after")).text == "/after"
    assert len(network.open) == 1
    await http.aclose()
    assert network.open == []


@pytest.mark.parametrize("turn", range(1, 20))
async def test_a_first_call_stopped_anywhere_loses_no_connection(
    http: httpx.AsyncClient, network: CannedNetwork, turn: int
) -> None:
    stopped = asyncio.create_task(http.get(f"{HERE}/stopped-in-the-middle-of-it"))
    await turns(turn)
    stopped.cancel()
    await asyncio.wait([stopped])
    assert (await http.get(f"{HERE}/after")).text == "/after"
    await http.aclose()
    assert network.open == []


async def test_an_answer_that_is_not_read_to_its_end_costs_its_connection(
    http: httpx.AsyncClient, network: CannedNetwork
) -> None:
    for path in ("", "/much-more-than-one-piece-of-sixteen-bytes"):
        async with http.stream("GET", f"{HERE}{path}") as answer:
            assert answer.status_code == 200
    async with http.stream("GET", f"{HERE}/much-more-than-one-piece-of-sixteen-bytes") as answer:
        async for _ in answer.aiter_raw():
            break
    assert network.open == []
    assert (await http.get(f"{HERE}/after")).text == "/after"


async def test_no_more_than_the_limit_wait(
    http: httpx.AsyncClient, network: CannedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_IDLE", 3)
    await at_once(http, network, HERE, HERE, *[THERE] * 5)
    await turns(10)
    assert len(network.open) == 3
    # Those that came back last are the ones that stay.
    assert network.open == [4, 5, 6]


async def test_what_nobody_uses_is_closed_after_its_time(
    http: httpx.AsyncClient, network: CannedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(pool, "_SWEEP_SECONDS", 0.01)
    await at_once(http, network, HERE, HERE, THERE)
    async with asyncio.timeout(60):
        while network.open:
            await asyncio.sleep(0.01)


async def test_what_nobody_uses_is_not_used_after_its_time(
    http: httpx.AsyncClient, network: CannedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0)
    for _ in range(3):
        await http.get(HERE)
        await asyncio.sleep(0.001)  # the clock has moved on
    assert len(network.streams) == 3


async def test_closing_leaves_calls_alone_and_then_closes_their_connections(
    http: httpx.AsyncClient, network: CannedNetwork
) -> None:
    await http.get(THERE)
    network.reading.clear()
    call = asyncio.create_task(http.get(f"{HERE}/under-way"))
    await turns(20)
    await http.aclose()
    assert network.open == [1]
    network.reading.set()
    assert (await call).text == "/under-way"
    await turns(5)
    assert network.open == []


async def test_a_connection_that_cannot_be_closed_harms_no_call(
    http: httpx.AsyncClient, network: CannedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at_once(http, network, HERE, HERE)

    async def broken() -> None:
        raise OSError("already gone")

    for stream in network.streams:
        stream.left = True
        monkeypatch.setattr(stream, "aclose", broken)
    assert (await http.get(f"{HERE}/after")).text == "/after"
    await http.aclose()
