"""Jobs that cannot be projected: which, since when, and why. Written by the projector, shown by the API.

Projecting costs nothing for it: a job that was projected since is not among them any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.identifier import tenant_of
from perdure.store.json_row import storable
from perdure.store.table import jobs
from perdure.store.table import set_aside_jobs as table


@dataclass(frozen=True, slots=True)
class SetAside:
    """One of them; `problem` in one line."""

    job_id: str
    since: datetime
    last_at: datetime
    failures: int
    problem: str


async def set_aside(connection: AsyncConnection, job_id: str, problem: str, at: datetime) -> None:
    """The job could not be projected, once more."""
    values = {"job_id": job_id, "tenant": tenant_of(job_id), "since": at, "last_at": at, "failures": 1}
    statement = insert(table).values(values | {"problem": storable(problem)})
    new = statement.excluded
    again = {"last_at": new.last_at, "problem": new.problem, "failures": table.c.failures + 1}
    await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.job_id], set_=again))


async def list_set_aside(connection: AsyncConnection, tenant: str | None, limit: int) -> Sequence[SetAside]:
    """Those of a tenant (None: of all) that were not projected since, the newest first."""
    columns = (table.c.job_id, table.c.since, table.c.last_at, table.c.failures, table.c.problem)
    query = select(*columns).where(~_projected_since()).order_by(table.c.last_at.desc(), table.c.job_id).limit(limit)
    if tenant is not None:
        query = query.where(table.c.tenant == tenant)
    return [SetAside(*row) for row in await connection.execute(query)]


async def count_set_aside(connection: AsyncConnection) -> int:
    """How many there are."""
    return await connection.scalar(select(func.count()).select_from(table).where(~_projected_since())) or 0


async def forget_projected(connection: AsyncConnection) -> int:
    """Remove those that were projected since. Returns how many there were."""
    return (await connection.execute(delete(table).where(_projected_since()))).rowcount


def _projected_since() -> ColumnElement[bool]:
    return exists().where(jobs.c.id == table.c.job_id, jobs.c.projected_at > table.c.last_at)
