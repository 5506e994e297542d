"""Which types of job are parked, or were, by kind of failure. Used by the groups.

A type names a definition with its version (`invoice-run@3`): a failure that came with a version is seen here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.dead_letter import BOTH, DeadLetterFilter, conditions
from perdure.store.json_row import is_one_of
from perdure.store.parking import EVER, parkings
from perdure.store.table import dead_letters, jobs

SHOWN = 20
"""Types that a group shows, those seen last."""


@dataclass(frozen=True, slots=True)
class JobType:
    """Of one kind of failure, in jobs of one type: `count` units are parked, `resolved` were and are no more."""

    type: str
    count: int
    resolved: int
    first_at: datetime
    last_at: datetime


async def list_types(
    connection: AsyncConnection, wanted: DeadLetterFilter, fingerprints: Sequence[str]
) -> dict[str, list[JobType]]:
    """All types of the jobs that failed so, by fingerprint; last seen first."""
    if not fingerprints:
        return {}
    found: dict[tuple[str, str], JobType] = {}
    for tables, unit, still in ((EVER, parkings.c, ~parkings.c.still), (BOTH, dead_letters.c, None)):
        number = func.count() if still is None else func.count().filter(still)
        query = select(
            unit.fingerprint,
            jobs.c.type,
            number.label("number"),
            func.min(unit.parked_at).label("first_at"),
            func.max(unit.parked_at).label("last_at"),
        ).select_from(tables)
        query = query.where(is_one_of(unit.fingerprint, fingerprints), *conditions(wanted, unit))
        for row in await connection.execute(query.group_by(unit.fingerprint, jobs.c.type)):
            count, resolved = (row.number, 0) if still is None else (0, row.number)
            one = JobType(row.type, count, resolved, row.first_at, row.last_at)
            # The journal may no longer have what is parked since before.
            key = row.fingerprint, row.type
            found[key] = _both(found[key], one) if key in found else one
    types: dict[str, list[JobType]] = {}
    for (fingerprint, _), one in sorted(found.items(), key=lambda each: (each[1].last_at, each[0]), reverse=True):
        types.setdefault(fingerprint, []).append(one)
    return types


def _both(before: JobType, now: JobType) -> JobType:
    return JobType(
        before.type,
        before.count + now.count,
        before.resolved + now.resolved,
        min(before.first_at, now.first_at),
        max(before.last_at, now.last_at),
    )
