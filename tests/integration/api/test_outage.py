"""With Postgres or Temporal away: nothing acknowledged is lost or doubled, and every answer says what to do."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import httpx
import pytest

from perdure.store.migrate import upgrade
from tests.integration.api.stack import Api, running_api, spec, unique, until
from tests.integration.store.server import PostgresServer, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
async def fragile(postgres: PostgresServer, temporal_address: str) -> AsyncIterator[Api]:
    """An API whose Postgres these tests stop."""
    settings = postgres.create_database("fragile").model_copy(update={"temporal_address": temporal_address})
    async with running_api(settings) as api:
        yield api


@contextmanager
def away(postgres: PostgresServer, how: str) -> Iterator[None]:
    (postgres.stop if how == "stopped" else postgres.freeze)()
    try:
        yield
    finally:
        (postgres.start if how == "stopped" else postgres.thaw)()


async def recovered(client: httpx.AsyncClient) -> None:
    async def lists() -> bool:
        return (await client.get("/v1/jobs?limit=1")).status_code == 200

    await until(lists)


async def told_unready(client: httpx.AsyncClient) -> bool:
    """Whether readiness says that Postgres is away, and nothing else; a busy machine may miss Temporal now and then."""
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    states = {check["name"]: check["status"] for check in ready.json()["checks"]}
    assert states["postgres"] == "error"
    return states == {"temporal": "ok", "postgres": "error"}


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_without_postgres_jobs_are_accepted_and_read(fragile: Api, postgres: PostgresServer, how: str) -> None:
    client = fragile.client(fragile.admin)
    await recovered(client)
    with away(postgres, how):
        answer = await client.post("/v1/jobs", json=spec())
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["id"]
        read = await client.get(f"/v1/jobs/{job_id}")
        assert (read.status_code, read.json()["status"]) == (200, "QUEUED")
        told = (await client.get(f"/v1/jobs/{job_id}/diagnosis")).json()
        assert (told["status"], told["diagnosis"]["seen"], told["events"]) == ("QUEUED", None, [])
    await recovered(client)
    assert (await client.get(f"/v1/jobs/{job_id}")).status_code == 200


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_without_the_ledger_a_clients_key_is_503_and_starts_nothing(
    fragile: Api, postgres: PostgresServer, how: str
) -> None:
    client = fragile.client(fragile.admin)
    await recovered(client)
    headers = {"Idempotency-Key": unique()}
    with away(postgres, how):
        answer = await client.post("/v1/jobs", json=spec(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "API.LEDGER_UNAVAILABLE")
        assert answer.json()["retryable"] is True
        assert int(answer.headers["retry-after"]) >= 1
    await recovered(client)
    again = await client.post("/v1/jobs", json=spec(), headers=headers)
    assert again.status_code == 202
    assert (await client.post("/v1/jobs", json=spec(), headers=headers)).status_code == 200


async def test_without_postgres_lists_are_503_and_readiness_says_so(fragile: Api, postgres: PostgresServer) -> None:
    client = fragile.client(fragile.admin)
    await recovered(client)
    with away(postgres, "stopped"):
        answer = await client.get("/v1/jobs")
        assert (answer.status_code, answer.json()["code"]) == (503, "API.UNAVAILABLE")
        assert "retry-after" in answer.headers
        await until(partial(told_unready, client))
        assert (await client.get("/livez")).status_code == 200
    await recovered(client)
    assert (await client.get("/readyz")).status_code == 200


async def test_without_postgres_an_unknown_key_is_503_and_tells_nothing(fragile: Api, postgres: PostgresServer) -> None:
    stranger = fragile.client(await fragile.key())
    with away(postgres, "stopped"):
        answer = await stranger.get("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (503, "API.UNAVAILABLE")
    assert str(postgres.home) not in answer.text


async def test_a_frozen_postgres_holds_up_a_hundred_requests_for_seconds_only(
    fragile: Api, postgres: PostgresServer
) -> None:
    client = fragile.client(fragile.admin)
    await recovered(client)
    with away(postgres, "frozen"):
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(client.post("/v1/jobs", json=spec()) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {202}
    await recovered(client)


async def test_the_first_key_is_stored_once_postgres_is_up(postgres: PostgresServer, temporal_address: str) -> None:
    settings = postgres.create_database("late").model_copy(update={"temporal_address": temporal_address})
    postgres.stop()
    try:
        async with running_api(settings, migrate=False) as api:
            client = api.client(api.admin)
            assert (await client.get("/v1/jobs")).status_code == 503
            postgres.start()
            await upgrade(api.engine)
            await recovered(client)
    finally:
        if not postgres._answers():
            postgres.start()


@contextmanager
def silent_server() -> Iterator[str]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def no_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    yield address


@pytest.mark.parametrize("server", [no_server, silent_server])
async def test_without_temporal_nothing_is_acknowledged(
    postgres: PostgresServer, server: Callable[[], AbstractContextManager[str]]
) -> None:
    database = postgres.create_database(f"alone_{unique()}")
    with server() as address:
        async with running_api(database.model_copy(update={"temporal_address": address})) as api:
            client = api.client(api.admin)
            generated, keyed, read, ready, listed = await asyncio.gather(
                client.post("/v1/jobs", json=spec()),
                client.post("/v1/jobs", json=spec(), headers={"Idempotency-Key": "mine"}),
                client.get("/v1/jobs/default:x"),
                client.get("/readyz"),
                client.get("/v1/jobs"),
            )
    for answer in (generated, keyed, read):
        assert (answer.status_code, answer.json()["code"]) == (503, "API.UNAVAILABLE")
        assert "retry-after" in answer.headers
    assert "Idempotency-Key: mine" in keyed.json()["detail"]
    assert "Idempotency-Key: " in generated.json()["detail"]
    assert {check["name"]: check["status"] for check in ready.json()["checks"]} == {
        "temporal": "error",
        "postgres": "ok",
    }
    assert listed.status_code == 200
