"""Journal and attempts by month: what was there before stays, nothing is ever refused, months are made ahead."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.projection.record import JobRecord
from perdure.projection.writer import Projection, RunProjection, write
from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.store.job import get_job
from perdure.store.journal import list_journal
from perdure.store.migrate import downgrade, upgrade
from perdure.store.partition import PARTITIONED, Month, make_partition, missing_partitions
from perdure.store.session import transaction
from tests.integration.store.history import Projector, stored_runs, under
from tests.integration.store.rows import rows_of
from tests.integration.store.sample import failed, job
from tests.integration.store.server import PostgresServer

NOW = datetime.now(UTC)
LATER = Month.of(NOW).after(9)


@pytest.fixture
async def empty(postgres: PostgresServer, request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(postgres.create_database(request.node.name[:60]))
    yield engine
    await engine.dispose()


def started(id_: str, at: datetime) -> JobRecord:
    step = job().steps[0].model_copy(update={"attempts": [failed(1), failed(2)]})
    return job(id_, created_at=at, run_id=f"{id_}-run", run_started_at=at, steps=[step])


async def journal_of(engine: AsyncEngine, job_id: str) -> list[str]:
    async with transaction(engine) as connection:
        return [row.type for row in await list_journal(connection, job_id, 0, 1000)]


async def partitions(engine: AsyncEngine, table: str) -> dict[str, int]:
    """Rows by partition, of those that have some."""
    query = text(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1")
    async with engine.connect() as connection:
        found = await connection.execute(query)
        return {row[0]: row[1] for row in found}


OLD_ROWS = """
INSERT INTO runs (run_id, job_id, started_at, last_event_id, note_count, closed, status, projected_at)
SELECT 'run' || n, 'default:' || n, timestamptz '2026-01-01Z' + n * interval '1 hour', 9, 0, true, 'x', now()
FROM generate_series(1, 500) AS n;
INSERT INTO attempts (run_id, step_id, round, attempt, live)
SELECT 'run' || n, 'a', 1, attempt, false FROM generate_series(1, 501) AS n, generate_series(1, 3) AS attempt;
INSERT INTO journal (run_id, event_id, ordinal, job_id, run_started_at, type, at, data)
SELECT
    'run' || n, event, 0, 'default:' || n, timestamptz '2026-01-01Z' + n * interval '1 hour', 'JOB_STARTED', now(), '{}'
FROM generate_series(1, 500) AS n, generate_series(1, 4) AS event
"""


async def dump(engine: AsyncEngine, table: str, columns: str) -> list[Any]:
    async with engine.connect() as connection:
        query = text(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3, 4")
        return list((await connection.execute(query)).all())


async def test_rows_from_before_the_partitions_are_all_there_up_and_down(empty: AsyncEngine) -> None:
    await upgrade(empty, "0003")
    async with empty.begin() as connection:
        for statement in OLD_ROWS.split(";"):
            await connection.execute(text(statement))
    columns = {"attempts": "run_id, step_id, round, attempt, live", "journal": "run_id, event_id, ordinal, job_id, at"}
    before = {table: await dump(empty, table, columns[table]) for table in PARTITIONED}
    assert await upgrade(empty, "0004") == ("0003", "0004")
    assert {table: await dump(empty, table, columns[table]) for table in PARTITIONED} == before
    assert list(await partitions(empty, "journal")) == ["journal_first"]
    other = "SELECT count(*) FROM attempts JOIN runs USING (run_id) WHERE run_started_at <> runs.started_at"
    orphans = "SELECT count(*) FROM attempts WHERE run_started_at = '-infinity'"
    async with empty.connect() as connection:
        assert (await connection.scalar(text(other)), await connection.scalar(text(orphans))) == (0, 3)
    await downgrade(empty, "0003")
    assert {table: await dump(empty, table, columns[table]) for table in PARTITIONED} == before
    await upgrade(empty, "0004")
    assert {table: await dump(empty, table, columns[table]) for table in PARTITIONED} == before


async def test_a_migration_that_broke_off_can_be_run_again(empty: AsyncEngine) -> None:
    await upgrade(empty, "0003")
    async with empty.begin() as connection:
        for statement in OLD_ROWS.split(";"):
            await connection.execute(text(statement))
        await connection.execute(text("CREATE TABLE journal_default ()"))
    with pytest.raises(Exception, match="journal_default"):
        await upgrade(empty, "0004")
    async with empty.begin() as connection:
        await connection.execute(text("DROP TABLE journal_default"))
        # Whoever was not replaced yet goes on writing meanwhile.
        await connection.execute(
            text("INSERT INTO attempts (run_id, step_id, round, attempt, live) VALUES ('run7', 'b', 1, 1, false)")
        )
    assert await upgrade(empty, "0004") == ("0003", "0004")
    async with empty.connect() as connection:
        query = text(
            "SELECT run_started_at = runs.started_at FROM attempts JOIN runs USING (run_id) WHERE step_id = 'b'"
        )
        assert await connection.scalar(query) is True


async def test_writers_and_readers_go_on_while_indexes_and_partitions_are_made(
    empty: AsyncEngine, postgres: PostgresServer
) -> None:
    await upgrade(empty, "0002")
    done = asyncio.Event()

    async def keep_looking() -> float:
        longest = 0.0
        loop = asyncio.get_running_loop()
        while not done.is_set():
            began = loop.time()
            async with empty.begin() as connection:
                await connection.execute(text("SELECT count(*) FROM jobs"))
                await connection.execute(text("SELECT count(*) FROM journal"))
            longest = max(longest, loop.time() - began)
            await asyncio.sleep(0.01)
        return longest

    looking = asyncio.create_task(keep_looking())
    await upgrade(empty)
    done.set()
    assert await looking < 2


@pytest.mark.parametrize("name", ["graph_with_retries", "parked_and_retried"])
async def test_a_job_of_any_time_is_written_once_and_read_whole(engine: AsyncEngine, name: str) -> None:
    runs = under(await stored_runs(name), f"-{name}")
    job_id = f"default:partitions-{name}"
    for _ in range(2):
        await write(engine, [Projector(job_id, runs).all()])
    rows = await rows_of(engine, job_id)
    assert len(await journal_of(engine, job_id)) == len(rows["journal"])
    assert rows["attempts"]


@pytest.mark.parametrize("days", [-4000, -40, 0, 20, 50, 400, 4000])
async def test_no_time_is_without_a_partition(engine: AsyncEngine, days: int) -> None:
    record = started(f"default:day{days}", NOW + timedelta(days=days))
    for _ in range(2):
        await write(engine, [Projection(record.id, [RunProjection(record, closed=False)])])
    async with transaction(engine) as connection:
        found = await get_job(connection, record.id, None)
    assert found is not None
    assert [tried.attempt for tried in found.steps[0].attempts] == [1, 2]


async def test_months_ahead_are_made_once_and_rows_move_out_of_the_default(engine: AsyncEngine) -> None:
    record = started("default:ahead", LATER.start + timedelta(days=3))
    other = started("default:further", LATER.after(1).start)
    entries = [Projection(each.id, [RunProjection(each, closed=False)]) for each in (record, other)]
    await write(engine, entries)
    before = await dump(engine, "attempts", "run_id, step_id, round, attempt, run_started_at, outcome")
    async with transaction(engine) as connection:
        missing = await missing_partitions(connection, [LATER])
    assert missing == [("journal", LATER), ("attempts", LATER)]
    moved = {}
    for table, month in missing:
        async with transaction(engine) as connection:
            moved[table] = await make_partition(connection, table, month)
    assert moved == {"journal": 0, "attempts": 2}
    assert (await partitions(engine, "attempts"))[LATER.partition("attempts")] == 2
    assert await dump(engine, "attempts", "run_id, step_id, round, attempt, run_started_at, outcome") == before
    async with transaction(engine) as connection:
        assert await missing_partitions(connection, [Month.of(NOW), LATER]) == []
    await write(engine, entries)
    assert await dump(engine, "attempts", "run_id, step_id, round, attempt, run_started_at, outcome") == before


async def test_a_partition_waits_for_no_long_reader(engine: AsyncEngine) -> None:
    month = LATER.after(5)
    async with engine.connect() as reader:
        await reader.execute(text("SELECT count(*) FROM journal"))
        with pytest.raises(Exception, match="lock timeout"):
            async with transaction(engine) as connection:
                await make_partition(connection, "journal", month)
    async with transaction(engine) as connection:
        assert await make_partition(connection, "journal", month) == 0


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), Month(2026, 12)),
        (datetime.fromisoformat("2027-01-01T00:30:00+01:00"), Month(2026, 12)),
    ],
)
def test_months_are_those_of_utc(moment: datetime, month: Month) -> None:
    assert Month.of(moment) == month
    assert (month.after(1), month.after(13)) == (Month(2027, 1), Month(2028, 1))
    assert month.partition("journal") == "journal_2026_12"


async def test_a_setting_of_the_database_does_not_change_what_a_month_is(
    postgres: PostgresServer, database: Settings, engine: AsyncEngine
) -> None:
    name = database.database_url.get_secret_value().partition("@/")[2].partition("?")[0]
    async with engine.begin() as connection:
        await connection.execute(text(f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'"))
    other = create_engine(database)
    async with transaction(other) as connection:
        assert await missing_partitions(connection, [Month.of(NOW).after(each) for each in range(3)]) == []
    await other.dispose()
