"""The keys of submissions: entered together where they come quickly, each in the ledger when its submission goes on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.jobs.entering import KeyEntries
from api.store import Store
from perdure.store.ledger import LedgerEntry, get_entry

_LEAST_PAUSE = 0.02


class _CountingStore(Store):
    """The real one; counts what is asked of it."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, 4)
        self.transactions = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        self.transactions += 1
        async with super().transaction() as connection:
            yield connection


def _entry(number: int) -> LedgerEntry:
    return LedgerEntry(f"default:entering-{number}", "f" * 64, datetime.now(UTC))


@pytest.fixture
async def store(engine: AsyncEngine) -> _CountingStore:
    return _CountingStore(engine)


async def test_keys_that_come_quickly_share_transactions(store: _CountingStore) -> None:
    entries = KeyEntries(store)

    async def submit(number: int) -> bool:
        await asyncio.sleep(number * 0.003)
        await entries.enter(_entry(number))
        async with store.engine.connect() as connection:
            return await get_entry(connection, f"default:entering-{number}") is not None

    began = time.monotonic()
    there = await asyncio.gather(*(submit(number) for number in range(60)))
    took = time.monotonic() - began
    await entries.close()
    assert all(there)
    # A pause after each but the last of a row of them; a transaction for each would be 60.
    assert store.transactions <= took / _LEAST_PAUSE + 2


async def test_a_key_alone_is_entered_at_once(store: _CountingStore) -> None:
    entries = KeyEntries(store)
    for number in (100, 101, 102):
        await entries.enter(_entry(number))
    await entries.close()
    assert store.transactions == 3
