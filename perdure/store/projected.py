"""The statements that write the projection, each for a batch of jobs.

Used by `perdure.projection.writer` only, inside one transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, any_, bindparam, case, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.json_row import insert_rows, is_one_of, write_rows
from perdure.store.ledger import NOT_USED
from perdure.store.table import attempts, jobs, journal, ledger, ledger_outcomes, runs, steps

Rows = Sequence[Mapping[str, Any]]


# One writer at a time works on a job, whatever rows it has yet; one order of locking, so no deadlock.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(id, 7065726475) AS key"
    " FROM unnest(:ids) AS id ORDER BY key) AS keys"
).bindparams(bindparam("ids", type_=ARRAY(Text)))


def _upsert(
    table: Table,
    *,
    leave_out: Collection[str] = (),
    changes: Mapping[str, ColumnElement[Any]] | None = None,
    guard: ColumnElement[bool] | None = None,
) -> Insert:
    """Insert rows, or set every column of those that are there, but for `changes`, where `guard` holds."""
    statement = insert_rows(table, leave_out=leave_out)
    keys = list(table.primary_key.columns)
    taken = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column not in keys and column.name not in leave_out
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=taken | dict(changes or {}), where=guard)


def _job_upsert() -> Insert:
    new = insert_rows(jobs).excluded
    changes: dict[str, ColumnElement[Any]] = {
        # What a submission wrote itself (`last_event_id` 0) is by another clock.
        "created_at": case(
            (jobs.c.last_event_id == 0, new.created_at), else_=func.least(new.created_at, jobs.c.created_at)
        ),
        "lag_ms": func.coalesce(new.lag_ms, jobs.c.lag_ms),
        "problem": case((new.completed_at.is_(None), jobs.c.problem)),
    }
    position = ("run_started_at", "run_id", "last_event_id")
    guard = tuple_(*(new[name] for name in position)) >= tuple_(*(jobs.c[name] for name in position))
    return _upsert(jobs, leave_out={"problem"}, changes=changes, guard=guard)


def _run_upsert() -> Insert:
    new = insert_rows(runs).excluded
    return _upsert(runs, guard=new.last_event_id >= runs.c.last_event_id)


_JOBS = _job_upsert().returning(jobs.c.id)
_FIRST_JOBS = insert_rows(jobs, leave_out={"problem"}).on_conflict_do_nothing().returning(jobs.c.id)
_RUNS = _run_upsert().returning(runs.c.run_id)
_STEPS = _upsert(steps)
_ATTEMPTS = _upsert(attempts)
_JOURNAL = (
    insert_rows(journal)
    .on_conflict_do_nothing()
    .returning(func.concat_ws("/", journal.c.run_id, journal.c.event_id, journal.c.ordinal))
)
_LEDGER = insert_rows(ledger, leave_out=NOT_USED).on_conflict_do_nothing()
_OUTCOMES = insert_rows(ledger_outcomes).on_conflict_do_nothing()
_RUN_IDS, _UNITS = (bindparam(name, type_=ARRAY(Text)) for name in ("run_ids", "units"))
_POSITIONS = select(runs.c.run_id, runs.c.last_event_id).where(runs.c.run_id == any_(_RUN_IDS))
_FORGET_ATTEMPTS = delete(attempts).where(
    tuple_(attempts.c.run_id, attempts.c.step_id).in_(select(func.unnest(_RUN_IDS), func.unnest(_UNITS)))
)


async def lock_jobs(connection: AsyncConnection, job_ids: Collection[str]) -> None:
    """Wait until no other writer is at work on these jobs; the transaction's end lets go of them."""
    await connection.execute(_LOCK, {"ids": sorted(job_ids)})


async def positions(connection: AsyncConnection, run_ids: Collection[str]) -> dict[str, int]:
    """The last event written of each run; runs not known yet are left out."""
    found = await connection.execute(_POSITIONS, {"run_ids": list(run_ids)})
    return {row.run_id: row.last_event_id for row in found}


async def write_jobs(connection: AsyncConnection, rows: Rows) -> set[str]:
    """Write job rows unless what is stored is further on. Returns the ids of those written."""
    return set(await write_rows(connection, _JOBS, rows))


async def known_jobs(connection: AsyncConnection, job_ids: Collection[str]) -> set[str]:
    """Those of the jobs that have a row."""
    return set(await connection.scalars(select(jobs.c.id).where(is_one_of(jobs.c.id, job_ids))))


async def write_first_jobs(connection: AsyncConnection, rows: Rows) -> set[str]:
    """Write job rows where there are none. Returns the ids of those written."""
    return set(await write_rows(connection, _FIRST_JOBS, rows))


async def write_steps(connection: AsyncConnection, rows: Rows) -> None:
    """Write rows of steps of jobs that `write_jobs` wrote."""
    await write_rows(connection, _STEPS, rows)


async def write_runs(connection: AsyncConnection, rows: Rows) -> set[str]:
    """Write how far runs are folded, never backwards. Returns the ids of the runs written."""
    return set(await write_rows(connection, _RUNS, rows))


async def write_attempts(connection: AsyncConnection, rows: Rows) -> None:
    """Write rows of attempts of runs that `write_runs` wrote."""
    await write_rows(connection, _ATTEMPTS, rows)


async def forget_attempts(connection: AsyncConnection, step_keys: Collection[tuple[str, str]]) -> None:
    """Remove the attempts of (run, unit) pairs: what is written next is all there is."""
    if step_keys:
        run_ids, units = zip(*sorted(step_keys), strict=True)
        await connection.execute(_FORGET_ATTEMPTS, {"run_ids": list(run_ids), "units": list(units)})


async def write_journal(connection: AsyncConnection, rows: Rows) -> set[str]:
    """Write journal rows; those that are there stay as they are. Returns `run/event/ordinal` of the new ones."""
    return set(await write_rows(connection, _JOURNAL, rows))


async def enter_ledger(connection: AsyncConnection, rows: Rows) -> None:
    """See to it that every job has its row in the ledger; those that are there stay as they are."""
    # In the same order as `perdure.store.ledger.enter_keys`: the API does not wait for the locks on jobs.
    await write_rows(connection, _LEDGER, sorted(rows, key=lambda row: str(row["job_id"])))


async def close_ledger(connection: AsyncConnection, rows: Rows) -> None:
    """Set how jobs ended, once."""
    await write_rows(connection, _OUTCOMES, sorted(rows, key=lambda row: str(row["job_id"])))
