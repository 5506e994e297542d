"""Journal numbering, the submission ledger and API keys."""

import asyncio
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.projection.record import JobRecord, JournalEvent
from perdure.projection.writer import write
from perdure.store.journal import list_journal
from perdure.store.key import ApiKey, get_key, insert_key
from perdure.store.ledger import LedgerEntry, close_entry, enter_keys, get_entry
from perdure.store.session import transaction
from tests.integration.store.sample import START, job, projection


def _event(record: JobRecord, event_id: int, ordinal: int = 0) -> JournalEvent:
    return JournalEvent(
        job_id=record.id,
        run_id=record.run_id,
        run_started_at=record.run_started_at,
        event_id=event_id,
        ordinal=ordinal,
        type=JournalType.STEP_STARTED,
        at=START,
        data={"b": 1, "a": "x\x00"},
    )


async def test_seq_counts_over_runs_events_and_ordinals_in_every_page(engine: AsyncEngine) -> None:
    first = job("default:journal", run_id="zzz")
    second = job("default:journal", run_id="aaa", run_started_at=START + timedelta(days=1))
    events = [_event(second, 2), _event(first, 9), _event(first, 3, 1), _event(second, 1), _event(first, 3)]
    await write(engine, [projection(second, events=events[:2])])
    await write(engine, [projection(first, events=events)])
    await write(engine, [projection(first, events=events)])
    async with transaction(engine) as connection:
        whole = await list_journal(connection, first.id, 0, 100)
        pages = [await list_journal(connection, first.id, after, 2) for after in (0, 2, 4, 5)]
    assert [(row.seq, row.run_id, row.event_id, row.ordinal) for row in whole] == [
        (1, "zzz", 3, 0),
        (2, "zzz", 3, 1),
        (3, "zzz", 9, 0),
        (4, "aaa", 1, 0),
        (5, "aaa", 2, 0),
    ]
    assert [row for page in pages for row in page] == whole
    assert whole[0].data == {"b": 1, "a": "x\ufffd"}


async def test_every_projected_job_is_in_the_ledger_and_its_outcome_is_set_once(engine: AsyncEngine) -> None:
    record = job("default:ledger", spec_fingerprint="f1")
    await write(engine, [projection(record)])
    async with transaction(engine) as connection:
        opened = await get_entry(connection, record.id)
    assert opened == LedgerEntry(record.id, "f1", record.created_at)
    ended = {"last_event_id": 20, "completed_at": START, "status": JobStatus.FAILED}
    await write(engine, [projection(record.model_copy(update=ended))])
    again = {**ended, "run_started_at": START + timedelta(days=1), "run_id": "reset", "status": JobStatus.COMPLETED}
    await write(engine, [projection(record.model_copy(update=again))])
    async with transaction(engine) as connection:
        closed = await get_entry(connection, record.id)
    assert closed == LedgerEntry(record.id, "f1", record.created_at, JobStatus.FAILED, START)


async def test_the_api_enters_a_key_once_and_the_projection_leaves_it_as_it_is(engine: AsyncEngine) -> None:
    async def enter(fingerprint: str) -> bool:
        async with transaction(engine) as connection:
            return bool(await enter_keys(connection, [LedgerEntry("default:once", fingerprint, START)]))

    entered = await asyncio.gather(*(enter(f"f{number}") for number in range(8)))
    assert sorted(entered) == [False] * 7 + [True]
    await write(engine, [projection(job("default:once", spec_fingerprint="other"))])
    async with transaction(engine) as connection:
        entry = await get_entry(connection, "default:once")
        assert entry is not None
        assert entry.fingerprint == f"f{entered.index(True)}"
        assert await close_entry(connection, "default:once", JobStatus.COMPLETED, START)
        assert not await close_entry(connection, "default:once", JobStatus.FAILED, START)
        assert not await close_entry(connection, "default:never", JobStatus.FAILED, START)
        assert await get_entry(connection, "default:never") is None


async def test_a_key_is_stored_once(engine: AsyncEngine) -> None:
    key = ApiKey("k1", "*", "ops", "admin", "ab" * 32, START, expires_at=START + timedelta(days=1))
    async with transaction(engine) as connection:
        assert await insert_key(connection, key)
        assert not await insert_key(connection, ApiKey("k1", "*", "thief", "admin", "00" * 32, START))
        assert await get_key(connection, "k1") == key
        assert await get_key(connection, "k2") is None
