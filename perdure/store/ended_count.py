"""What workers have counted of jobs that ended, hour by hour. Written by each worker, read by the reconciler."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.table import counting_workers, ended_counts


class Ended(NamedTuple):
    """What is counted: jobs of a type that ended so, in the hour (or other span) that begins then."""

    span: datetime
    type: str
    outcome: str


async def tell_counts(
    connection: AsyncConnection, worker: str, started_at: datetime, counts: Mapping[Ended, int], *, last: bool
) -> None:
    """Say how far `worker` has counted since it started. `last`: it will count no more.

    Each number is the whole one, so telling it again changes nothing.
    """
    values = {"worker": worker, "started_at": started_at, "seen_at": func.now()}
    seen = insert(counting_workers).values(values | {"stopped_at": func.now() if last else None})
    again = {name: seen.excluded[name] for name in ("seen_at", "stopped_at")}
    await connection.execute(seen.on_conflict_do_update(index_elements=["worker"], set_=again))
    if counts:
        rows = [{**key._asdict(), "worker": worker, "number": number} for key, number in sorted(counts.items())]
        told = insert(ended_counts)
        number = {"number": told.excluded.number}
        await connection.execute(
            told.on_conflict_do_update(index_elements=list(ended_counts.primary_key), set_=number), rows
        )


async def counted(connection: AsyncConnection, span: datetime) -> dict[str, dict[str, int]] | None:
    """What all workers together counted of that hour, by type and outcome; None where none counted from its start."""
    first = await connection.scalar(select(func.min(counting_workers.c.started_at)))
    if first is None or first > span:
        return None
    number = func.sum(ended_counts.c.number)
    query = select(ended_counts.c.type, ended_counts.c.outcome, number).where(ended_counts.c.span == span)
    found: dict[str, dict[str, int]] = {}
    for type_, outcome, counted_ in await connection.execute(query.group_by("type", "outcome")):
        found.setdefault(type_, {})[outcome] = int(counted_)
    return found


async def count_vanished(connection: AsyncConnection, since: datetime, until: datetime, silence: timedelta) -> int:
    """The workers that were heard last in that time, or shortly before, and never said that they stop."""
    seen = counting_workers.c.seen_at
    vanished = counting_workers.c.stopped_at.is_(None), seen < func.now() - silence
    within = seen >= since - silence, seen < until
    return await connection.scalar(select(func.count()).where(*vanished, *within)) or 0


async def forget_counts(connection: AsyncConnection, before: datetime) -> int:
    """Remove what was counted of hours before then, and workers that are gone since; the first one's time is kept."""
    first = select(func.min(counting_workers.c.started_at)).scalar_subquery()
    gone = counting_workers.c.seen_at < before, counting_workers.c.started_at > first
    await connection.execute(delete(counting_workers).where(*gone))
    return (await connection.execute(delete(ended_counts).where(ended_counts.c.span < before))).rowcount
