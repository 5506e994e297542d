"""Histories of closed runs, kept beyond Temporal's retention. Written by the archiver, read by check and rebuild."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.json_row import is_one_of
from perdure.store.table import archive_state
from perdure.store.table import archived_histories as table


@dataclass(frozen=True, slots=True)
class Archived:
    """The history of one run. `size` in bytes, before `content` was packed (`perdure.projection.archive`)."""

    run_id: str
    job_id: str
    closed_at: datetime
    archived_at: datetime
    events: int
    size: int
    content: bytes


async def keep(connection: AsyncConnection, entries: Sequence[Archived]) -> None:
    """Keep the histories; those that are there stay as they are."""
    if entries:
        await connection.execute(insert(table).on_conflict_do_nothing(), [asdict(entry) for entry in entries])


async def kept(connection: AsyncConnection, run_ids: Collection[str]) -> set[str]:
    """Those of the runs whose histories are kept."""
    return set(await connection.scalars(select(table.c.run_id).where(is_one_of(table.c.run_id, run_ids))))


async def content_of(connection: AsyncConnection, job_id: str, run_id: str) -> bytes | None:
    """The packed history of a run; None where it is not kept."""
    query = select(table.c.content).where(table.c.run_id == run_id, table.c.job_id == job_id)
    content: bytes | None = await connection.scalar(query)
    return content


async def archived_runs(connection: AsyncConnection, after: str, limit: int) -> list[tuple[str, str]]:
    """The (job, run) pairs that are kept, by run id, those behind `after`."""
    query = select(table.c.job_id, table.c.run_id).where(table.c.run_id > after).order_by(table.c.run_id).limit(limit)
    return [(row.job_id, row.run_id) for row in await connection.execute(query)]


async def archived_runs_of(connection: AsyncConnection, job_ids: Collection[str]) -> list[tuple[str, str]]:
    """The (job, run) pairs that are kept of these jobs."""
    query = select(table.c.job_id, table.c.run_id).where(is_one_of(table.c.job_id, job_ids))
    return [(row.job_id, row.run_id) for row in await connection.execute(query)]


async def get_archive_watermark(connection: AsyncConnection) -> datetime | None:
    """All runs that closed before it are kept; None before the first round."""
    watermark: datetime | None = await connection.scalar(select(archive_state.c.watermark))
    return watermark


async def set_archive_watermark(connection: AsyncConnection, watermark: datetime) -> None:
    """Keep how far the archiver has come."""
    statement = insert(archive_state).values(id=1, watermark=watermark)
    new = {"watermark": statement.excluded.watermark}
    await connection.execute(statement.on_conflict_do_update(index_elements=[archive_state.c.id], set_=new))
