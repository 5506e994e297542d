"""What submissions leave to be written: keys, together where they come quickly, and the first rows of jobs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api import background_writer
from api import store as api_store
from api.jobs import entering, first_rows
from api.jobs.entering import KeyEntries
from api.jobs.first_rows import FirstRows
from api.store import Store
from perdure.projection.first_row import write_first_rows
from perdure.projection.record import JobRecord
from perdure.store.job import get_job
from perdure.store.ledger import LedgerEntry, get_entry
from perdure.store.session import transaction
from tests.integration.store.sample import job

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
async def store(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> _CountingStore:
    monkeypatch.setattr(entering, "_SECONDS", 60)  # no machine is too slow
    monkeypatch.setattr(first_rows, "_LAST_SECONDS", 60)
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


async def there(store: Store, *submitted: JobRecord) -> list[bool]:
    """Which of them have a row."""
    async with transaction(store.engine) as connection:
        return [await get_job(connection, record.id, None) is not None for record in submitted]


async def until_there(store: Store, *submitted: JobRecord) -> None:
    async with asyncio.timeout(60):
        while not all(await there(store, *submitted)):
            await asyncio.sleep(0.02)


async def test_keys_that_wait_are_entered_at_the_end(store: _CountingStore) -> None:
    entries = KeyEntries(store)
    under_way = [asyncio.create_task(entries.enter(_entry(number))) for number in range(200, 203)]
    await asyncio.sleep(0)
    await entries.close()
    await asyncio.gather(*under_way)
    async with transaction(store.engine) as connection:
        assert all([await get_entry(connection, _entry(number).job_id) for number in range(200, 203)])


async def test_first_rows_that_wait_are_written_at_the_end(
    store: _CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_rows, "_WAIT", 3600)
    rows, submitted = FirstRows(store), [job() for _ in range(3)]
    for record in submitted:
        rows.add(record)
    await asyncio.sleep(0)
    assert await there(store, *submitted) == [False] * 3
    await rows.close()
    assert await there(store, *submitted) == [True] * 3


async def test_the_end_does_not_wait_for_a_postgres_that_hangs(
    store: _CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_rows, "_LAST_SECONDS", 0.1)
    monkeypatch.setattr(api_store, "WAIT_SECONDS", 3600)
    rows = FirstRows(store)
    async with asyncio.TaskGroup() as hanging, asyncio.timeout(60):
        free = asyncio.Event()
        for _ in range(4):  # all the connections there are
            hanging.create_task(_hold(store, free))
        await asyncio.sleep(0)
        rows.add(job())
        await rows.close()
        free.set()


async def _hold(store: Store, free: asyncio.Event) -> None:
    async with store.transaction():
        await free.wait()


async def test_a_timer_that_is_early_opens_no_transaction(
    store: _CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Added, looked at, not due yet; looked at again, due.
    clock = iter([0.0, 0.49, 0.499, 0.499, 0.6])
    monkeypatch.setattr(first_rows, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    rows, submitted = FirstRows(store), job()
    rows.add(submitted)
    await until_there(store, submitted)
    await rows.close()
    assert store.transactions == 1


async def test_after_something_unexpected_first_rows_are_written_again(
    store: _CountingStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(background_writer, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(first_rows, "_BATCH", 1)
    failing = [True]

    async def broken_once(connection: AsyncConnection, batch: list[JobRecord]) -> set[str]:
        if failing:
            failing.clear()
            raise ValueError("nobody thought of this")
        return await write_first_rows(connection, batch)

    monkeypatch.setattr(first_rows, "write_first_rows", broken_once)
    rows, left, submitted = FirstRows(store), job(), job()
    rows.add(left)
    rows.add(submitted)
    await until_there(store, submitted)
    await rows.close()
    assert await there(store, left) == [False]
    assert "ValueError: nobody thought of this" in capsys.readouterr().out
