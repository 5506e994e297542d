"""One Postgres a session, and one migrated database a module."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.store.migrate import upgrade
from tests.integration.store.server import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def database(postgres: PostgresServer, request: pytest.FixtureRequest) -> Settings:
    return postgres.create_database(request.module.__name__.removeprefix("tests.integration.").replace(".", "_"))


@pytest.fixture(scope="module")
async def engine(database: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    await upgrade(engine)
    yield engine
    await engine.dispose()
