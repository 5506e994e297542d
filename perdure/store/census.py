"""Counts over all jobs, for the metrics: open ones, dead letters, stuck ones. Used by the worker's census."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.store.json_row import is_one_of
from perdure.store.table import jobs, journal

_OPEN = [status.value for status in JobStatus if not status.final]


async def open_jobs(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """How many jobs are open, by queue and status."""
    query = select(jobs.c.queue, jobs.c.status, func.count()).where(is_one_of(jobs.c.status, _OPEN))
    rows = await connection.execute(query.group_by(jobs.c.queue, jobs.c.status))
    return {(queue, status): count for queue, status, count in rows}


async def oldest_dead_letters(connection: AsyncConnection) -> dict[str, datetime]:
    """Since when the oldest dead letter of each queue has been one."""
    parked = (
        select(func.max(journal.c.at).label("at"))
        .where(journal.c.job_id == jobs.c.id, journal.c.type == JournalType.JOB_DEAD_LETTERED.value)
        .lateral("parked")
    )
    query = select(jobs.c.queue, func.min(func.coalesce(parked.c.at, jobs.c.run_started_at)))
    dead = query.select_from(jobs).join(parked, jobs.c.status == JobStatus.DEAD_LETTERED.value)
    return {row[0]: row[1] for row in await connection.execute(dead.group_by(jobs.c.queue))}


async def stuck_jobs(connection: AsyncConnection) -> int:
    """How many open jobs Temporal reports problems with."""
    query = select(func.count()).where(is_one_of(jobs.c.status, _OPEN), jobs.c.problem.is_not(None))
    return await connection.scalar(query) or 0
