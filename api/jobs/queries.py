"""Queries of the job routes that no store module has."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.jobs.children import MOST_CHILDREN, TELLING, started
from perdure.contract.name import MARK_CHANNEL
from perdure.contract.state import JobStatus
from perdure.store.table import jobs, journal


async def started_children(connection: AsyncConnection, job_id: str) -> dict[str, str | None]:
    """The jobs that a job has started or was to start, in the order it did; of many the first."""
    child, reason = (journal.c.data[name].as_string() for name in ("child", "reason"))
    query = (
        select(journal.c.type, child.label("child"), reason.label("reason"))
        .where(journal.c.job_id == job_id, journal.c.type.in_([type_.value for type_ in TELLING]))
        .order_by(journal.c.run_started_at, journal.c.run_id, journal.c.event_id, journal.c.ordinal)
        .limit(MOST_CHILDREN)
    )
    rows = await connection.execute(query)
    return started((row.type, {"child": row.child, "reason": row.reason}) for row in rows)


async def position(connection: AsyncConnection, job_id: str) -> tuple[int, int | None] | None:
    """The last event of the job's newest run that is projected, and how late it was known (ms)."""
    query = select(jobs.c.last_event_id, jobs.c.lag_ms).where(jobs.c.id == job_id)
    found = (await connection.execute(query)).one_or_none()
    return None if found is None else (found.last_event_id, found.lag_ms)


async def place(connection: AsyncConnection, job_id: str) -> tuple[datetime, int] | None:
    """How far the job is projected: when its newest run began, and the last event of that."""
    query = select(jobs.c.run_started_at, jobs.c.last_event_id).where(jobs.c.id == job_id)
    found = (await connection.execute(query)).one_or_none()
    return None if found is None else (found.run_started_at, found.last_event_id)


async def statuses(connection: AsyncConnection, job_ids: Sequence[str]) -> dict[str, JobStatus]:
    """The states of those of the jobs that have a row."""
    rows = await connection.execute(select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(job_ids)))
    return {row.id: JobStatus(row.status) for row in rows}


async def mark(connection: AsyncConnection, job_id: str) -> None:
    """Tell the leading worker, once this is committed, that a job may have changed."""
    await connection.execute(select(func.pg_notify(MARK_CHANNEL, job_id)))
