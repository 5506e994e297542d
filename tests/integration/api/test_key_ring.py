"""The keys an API process remembers: what is changed elsewhere, many requests at once, Postgres away."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from perdure.security.key_ring import FRESH_SECONDS, KeyRing
from perdure.store.session import StoreUnavailableError
from tests.integration.api.stack import PEPPER, Api
from tests.integration.api.test_keys import make
from tests.integration.store.server import PostgresServer


async def test_another_process_takes_a_rotated_secret_at_once(api: Api, http: httpx.AsyncClient) -> None:
    elsewhere = KeyRing(api.engine, PEPPER)
    made = await make(http)
    assert await elsewhere.principal(made["key"])
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate")).json()
    assert await elsewhere.principal(rotated["key"])
    assert await elsewhere.principal(made["key"]) is None


async def test_another_process_lets_a_revoked_key_die_within_five_seconds(api: Api, http: httpx.AsyncClient) -> None:
    now = 0.0
    elsewhere = KeyRing(api.engine, PEPPER, lambda: now)
    made = await make(http)
    assert await elsewhere.principal(made["key"])
    await http.post(f"/v1/api-keys/{made['id']}/revoke")
    now = FRESH_SECONDS + 0.001
    assert await elsewhere.principal(made["key"]) is None


async def test_a_replaced_secret_does_not_come_back_while_postgres_is_away(
    api: Api, http: httpx.AsyncClient, api_postgres: PostgresServer
) -> None:
    now = 0.0
    elsewhere = KeyRing(api.engine, PEPPER, lambda: now)
    made = await make(http)
    assert await elsewhere.principal(made["key"])
    rotated = (await http.post(f"/v1/api-keys/{made['id']}/rotate")).json()
    now = FRESH_SECONDS + 1
    assert await elsewhere.principal(made["key"]) is None
    api_postgres.stop()
    try:
        now += FRESH_SECONDS + 1
        assert await elsewhere.principal(made["key"]) is None
        assert await elsewhere.principal(rotated["key"])
    finally:
        api_postgres.start()


async def test_a_key_forgotten_is_not_taken_while_postgres_is_away(
    api: Api, http: httpx.AsyncClient, api_postgres: PostgresServer
) -> None:
    ring = KeyRing(api.engine, PEPPER)
    made = await make(http)
    assert await ring.principal(made["key"])
    api_postgres.stop()
    try:
        ring.forget(made["id"])
        with pytest.raises(StoreUnavailableError):
            await ring.principal(made["key"])
    finally:
        api_postgres.start()


async def test_of_many_requests_with_a_new_key_one_asks_postgres(api: Api, http: httpx.AsyncClient) -> None:
    ring = KeyRing(api.engine, PEPPER)
    made = await make(http)
    wrong = made["key"][:-1] + ("a" if made["key"][-1] != "a" else "b")
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM api_keys" in statement:
            asked.append(statement)

    event.listen(api.engine.sync_engine, "before_cursor_execute", note)
    try:
        found = await asyncio.gather(*(ring.principal(made["key"]) for _ in range(200)))
        assert all(found)
        assert len(asked) == 1
        guessed = await asyncio.gather(*(ring.principal(wrong) for _ in range(200)))
        assert not any(guessed)
        assert len(asked) <= 3
    finally:
        event.remove(api.engine.sync_engine, "before_cursor_execute", note)


async def test_many_at_once_with_a_new_key_wait_for_an_outage_once(
    api: Api, http: httpx.AsyncClient, api_postgres: PostgresServer
) -> None:
    ring = KeyRing(api.engine, PEPPER)
    made = await make(http)
    api_postgres.freeze()
    try:
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(ring.principal(made["key"]) for _ in range(50)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreUnavailableError}
    finally:
        api_postgres.thaw()
