"""How far jobs are stored, read from behind the temporary tables. Used by the inspector of the worker."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.json_row import is_one_of
from perdure.store.table import jobs, runs


@dataclass(frozen=True, slots=True)
class Stored:
    """The last event of each run, and of each job the newest run: its start and id."""

    runs: Mapping[str, int]
    jobs: Mapping[str, tuple[datetime, str]]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Runs that started before then; None means any."""

    before: datetime
    tenant: str | None = None
    job_ids: Collection[str] | None = None


async def stored(connection: AsyncConnection, schema: str, job_ids: Collection[str]) -> Stored:
    """What the tables of that schema have of these jobs."""
    of_runs = f"SELECT run_id, last_event_id FROM {schema}.runs WHERE job_id = ANY(:jobs)"  # noqa: S608 - our own schema
    of_jobs = f"SELECT id, run_started_at, run_id FROM {schema}.jobs WHERE id = ANY(:jobs)"  # noqa: S608
    given = {"jobs": sorted(job_ids)}
    rows = [
        await connection.execute(text(query).bindparams(bindparam("jobs", type_=ARRAY(Text))), given)
        for query in (of_runs, of_jobs)
    ]
    return Stored({row[0]: row[1] for row in rows[0]}, {row[0]: (row[1], row[2]) for row in rows[1]})


async def known(connection: AsyncConnection, job_ids: Collection[str]) -> set[str]:
    """Those of the jobs of which a row or a run is stored."""
    of_runs = select(runs.c.job_id).where(is_one_of(runs.c.job_id, job_ids))
    query = select(jobs.c.id).where(is_one_of(jobs.c.id, job_ids)).union(of_runs)
    return set(await connection.scalars(query))


async def runs_of(connection: AsyncConnection, job_ids: Collection[str]) -> list[tuple[str, str]]:
    """The runs that are stored of these jobs, with the job of each."""
    query = select(runs.c.job_id, runs.c.run_id).where(is_one_of(runs.c.job_id, job_ids))
    return [(row.job_id, row.run_id) for row in await connection.execute(query)]


async def open_runs(connection: AsyncConnection, wanted: RunFilter, after: str, limit: int) -> list[tuple[str, str]]:
    """Runs that are stored as open, by run id, behind `after`: each with its job."""
    query = select(runs.c.job_id, runs.c.run_id).where(runs.c.closed.is_(False), runs.c.run_id > after)
    query = query.where(runs.c.started_at < wanted.before).order_by(runs.c.run_id).limit(limit)
    if wanted.tenant is not None:
        query = query.where(runs.c.job_id.startswith(f"{wanted.tenant}:", autoescape=True))
    if wanted.job_ids is not None:
        query = query.where(is_one_of(runs.c.job_id, wanted.job_ids))
    return [(row.job_id, row.run_id) for row in await connection.execute(query)]
