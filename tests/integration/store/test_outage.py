"""Postgres away: an error within seconds, whatever kind of away; and back without help."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.error import ErrorClass
from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.store.health import ping
from perdure.store.session import StoreUnavailableError, transaction
from tests.integration.store.server import PostgresServer, running_postgres

SOON, STATEMENT = 40.0, 90.0
"""Seconds: two to notice, and what a busy machine adds; less than a statement may take."""
BACK = 60.0


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        server.create_database("outage")
        yield server


@pytest.fixture
async def engine(own_postgres: PostgresServer) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(own_postgres.settings("outage"), statement_seconds=STATEMENT)
    await until_back(engine)
    yield engine
    await engine.dispose()


async def until_back(engine: AsyncEngine) -> None:
    """Wait until it answers, without anybody's help."""
    async with asyncio.timeout(BACK):
        while True:
            try:
                return await ping(engine)
            except StoreUnavailableError:  # a busy machine needs more than the two seconds of one try
                await asyncio.sleep(0.1)


async def _fails_soon(engine: AsyncEngine) -> StoreUnavailableError:
    begun = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT 1"))
    assert time.monotonic() - begun < SOON
    return caught.value


async def test_a_killed_postgres_is_an_error_soon_and_works_again_when_back(
    engine: AsyncEngine, own_postgres: PostgresServer
) -> None:
    own_postgres.kill()
    try:
        error = await _fails_soon(engine)
        assert (error.code, error.error_class) == ("API.UNAVAILABLE", ErrorClass.TRANSIENT)
        assert "Postgres cannot be used now" in error.message
    finally:
        own_postgres.start()
    await until_back(engine)
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_a_postgres_that_answers_nothing_is_an_error_soon(
    engine: AsyncEngine, own_postgres: PostgresServer
) -> None:
    own_postgres.freeze()
    try:
        await _fails_soon(engine)
        with pytest.raises(StoreUnavailableError):
            await ping(engine)
    finally:
        own_postgres.thaw()
    await until_back(engine)


async def test_a_port_where_nobody_listens_is_an_error_soon() -> None:
    engine = create_engine(Settings(database_url=SecretStr("postgresql+asyncpg://perdure@127.0.0.1:1/perdure")))
    await _fails_soon(engine)
    await engine.dispose()


@pytest.mark.parametrize(("user", "database"), [("stranger", "outage"), ("perdure", "absent")])
async def test_a_postgres_that_refuses_the_login_is_away(
    own_postgres: PostgresServer, user: str, database: str
) -> None:
    url = f"postgresql+asyncpg://{user}@/{database}?host={own_postgres.home}"
    engine = create_engine(Settings(database_url=SecretStr(url)))
    await _fails_soon(engine)
    await engine.dispose()


async def test_a_pool_that_is_used_up_is_an_error_soon(own_postgres: PostgresServer) -> None:
    settings = own_postgres.settings("outage").model_copy(update={"database_pool_size": 1})
    engine = create_engine(settings)
    await until_back(engine)
    async with transaction(engine):
        await _fails_soon(engine)
    await until_back(engine)
    await engine.dispose()


async def test_a_statement_that_takes_too_long_is_ended(own_postgres: PostgresServer) -> None:
    engine = create_engine(own_postgres.settings("outage"), statement_seconds=1.0)
    await until_back(engine)
    with pytest.raises(StoreUnavailableError, match="statement timeout"):
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))
    await until_back(engine)
    await engine.dispose()


async def test_a_wrong_statement_is_no_outage(engine: AsyncEngine) -> None:
    with pytest.raises(Exception, match="does not exist") as caught:
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT absent"))
    assert not isinstance(caught.value, StoreUnavailableError)


async def test_what_a_block_raises_rolls_it_back(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE IF NOT EXISTS kept (n int)"))

    async def insert_and_fail() -> None:
        async with transaction(engine) as connection:
            await connection.execute(text("INSERT INTO kept VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await insert_and_fail()
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM kept")) == 0
