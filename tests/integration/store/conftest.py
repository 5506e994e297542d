"""The engine of the tests of the store; those of an absent Postgres have their own."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.settings import Settings
from perdure.store import session
from perdure.store.engine import create_engine
from perdure.store.migrate import upgrade

PATIENT = 60.0
"""A busy machine stands still for longer than a request is to wait for Postgres."""


@pytest.fixture(scope="module")
async def engine(database: Settings) -> AsyncIterator[AsyncEngine]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("perdure.store.engine.CONNECT_SECONDS", PATIENT)
        patched.setattr(session, "CONNECT_SECONDS", PATIENT)
        engine = create_engine(database)
        await upgrade(engine)
        yield engine
        await engine.dispose()
