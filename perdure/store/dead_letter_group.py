"""What is parked now by kind of failure. Used by the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store import cursor as paging
from perdure.store.dead_letter import BOTH, DeadLetterFilter, conditions
from perdure.store.json_row import is_one_of
from perdure.store.table import dead_letters, jobs

_GROUP_ORDER = "-count"
_TYPES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Group:
    """What is parked with one kind of failure. `hours` and `days`: how many were parked in each that has some."""

    fingerprint: str
    code: str
    error_class: str
    message: str
    step_type: str
    count: int
    jobs: int
    first_at: datetime
    last_at: datetime
    types: Sequence[str]
    example: str
    hours: Mapping[datetime, int]
    days: Mapping[datetime, int]


async def list_groups(
    connection: AsyncConnection, wanted: DeadLetterFilter, now: datetime, cursor: str | None, limit: int
) -> tuple[list[Group], str | None]:
    """A page of what is parked by kind of failure, the most frequent first; the next page's cursor.

    Hours are those of the last two days, days those of the last thirty, both in UTC.

    Raises:
        CursorError: `cursor` is not one that a page of this list has given.
    """
    table = dead_letters.c
    newest = table.parked_at.desc()

    def of_newest(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.array_agg(aggregate_order_by(column, newest))[1]

    count = func.count()
    query = select(
        table.fingerprint,
        *(of_newest(table[name]).label(name) for name in ("code", "error_class", "message", "step_type")),
        of_newest(table.job_id).label("example"),
        count.label("count"),
        func.count(table.job_id.distinct()).label("jobs"),
        func.min(table.parked_at).label("first_at"),
        func.max(table.parked_at).label("last_at"),
        func.array_agg(jobs.c.type.distinct()).label("types"),
    ).select_from(BOTH)
    query = query.where(*conditions(wanted)).group_by(table.fingerprint)
    if cursor is not None:
        position = paging.decode_position(_GROUP_ORDER, int, cursor)
        query = query.having(tuple_(count, table.fingerprint) < tuple_(literal(position.value), literal(position.id)))
    rows = (await connection.execute(query.order_by(count.desc(), table.fingerprint.desc()).limit(limit + 1))).all()
    page = rows[:limit]
    prints = [row.fingerprint for row in page]
    hours = await _counts(connection, wanted, prints, "hour", now - timedelta(days=2))
    days = await _counts(connection, wanted, prints, "day", now - timedelta(days=30))
    groups = [
        Group(
            **{**row._mapping, "types": row.types[:_TYPES_SHOWN]},  # noqa: SLF001 - SQLAlchemy's public name
            hours=hours.get(row.fingerprint, {}),
            days=days.get(row.fingerprint, {}),
        )
        for row in page
    ]
    more = len(rows) > limit
    return groups, _after_group(groups[-1]) if more else None


def _after_group(group: Group) -> str:
    return paging.encode_position(_GROUP_ORDER, paging.Position(group.count, group.fingerprint))


async def _counts(
    connection: AsyncConnection, wanted: DeadLetterFilter, fingerprints: Sequence[str], unit: str, since: datetime
) -> dict[str, dict[datetime, int]]:
    if not fingerprints:
        return {}
    table = dead_letters.c
    at = func.date_trunc(literal_column(f"'{unit}'"), table.parked_at, literal_column("'UTC'")).label("at")
    query = select(table.fingerprint, at, func.count().label("number")).select_from(BOTH)
    query = query.where(is_one_of(table.fingerprint, fingerprints), table.parked_at >= since, *conditions(wanted))
    found: dict[str, dict[datetime, int]] = {}
    for row in await connection.execute(query.group_by(table.fingerprint, at).order_by(at)):
        found.setdefault(row.fingerprint, {})[row.at] = row.number
    return found
