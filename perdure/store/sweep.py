"""What the sweep keeps: its watermark, and which jobs Temporal reports as stuck. Used by the sweep only."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.table import jobs, sweep_state


async def get_watermark(connection: AsyncConnection) -> datetime | None:
    """The time before which every start and close was found projected; None before the first sweep."""
    return await connection.scalar(select(sweep_state.c.watermark))


async def set_watermark(connection: AsyncConnection, watermark: datetime) -> None:
    """Keep how far the sweep has come."""
    statement = insert(sweep_state).values(id=1, watermark=watermark)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[sweep_state.c.id], set_={"watermark": statement.excluded.watermark}
        )
    )


async def count_ended(connection: AsyncConnection, since: datetime, until: datetime) -> int:
    """How many jobs ended at `since` or later, and before `until`."""
    query = select(func.count()).where(jobs.c.completed_at >= since, jobs.c.completed_at < until)
    return (await connection.execute(query)).scalar_one()


async def set_problems(connection: AsyncConnection, problems: Mapping[str, str]) -> None:
    """Let exactly these jobs, by id, have a problem, and no other job that is still open."""
    others = jobs.c.problem.is_not(None) & jobs.c.id.not_in(list(problems))
    await connection.execute(update(jobs).where(others).values(problem=None))
    if problems:
        stuck = jobs.c.id == bindparam("job"), jobs.c.completed_at.is_(None)
        await connection.execute(
            update(jobs).where(*stuck).values(problem=bindparam("said")),
            [{"job": job_id, "said": said} for job_id, said in problems.items()],
        )
