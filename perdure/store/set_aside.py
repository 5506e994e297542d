"""Jobs that cannot be projected: which, since when, and why. Written by the projector, shown by the API."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.identifier import tenant_of
from perdure.store.json_row import is_one_of, storable
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


async def forget_set_aside(connection: AsyncConnection, job_ids: Collection[str]) -> None:
    """These jobs were projected."""
    await connection.execute(delete(table).where(is_one_of(table.c.job_id, job_ids)))


async def list_set_aside(connection: AsyncConnection, tenant: str | None, limit: int) -> Sequence[SetAside]:
    """Those of a tenant (None: of all), the newest first."""
    columns = (table.c.job_id, table.c.since, table.c.last_at, table.c.failures, table.c.problem)
    query = select(*columns).order_by(table.c.last_at.desc(), table.c.job_id).limit(limit)
    if tenant is not None:
        query = query.where(table.c.tenant == tenant)
    return [SetAside(*row) for row in await connection.execute(query)]


async def count_set_aside(connection: AsyncConnection) -> int:
    """How many there are."""
    return len((await connection.scalars(select(table.c.job_id))).all())
