"""What is parked, or was, by kind of failure. Used by the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, DateTime, FromClause, Row, func, literal, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store import cursor as paging
from perdure.store.dead_letter import BOTH, DeadLetterFilter, conditions
from perdure.store.dead_letter_type import SHOWN, JobType, list_types
from perdure.store.job_filter import Columns
from perdure.store.json_row import is_one_of
from perdure.store.parking import EVER, parkings
from perdure.store.table import dead_letters

PAST = timedelta(days=30)
"""How far back groups are looked for of which nothing is parked any more, where the filter does not say `since`."""


class GroupState(StrEnum):
    """Which groups. RESOLVED: nothing of it is parked any more."""

    PARKED = "PARKED"
    RESOLVED = "RESOLVED"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Group:
    """One kind of failure: `count` units of `jobs` jobs are parked with it, `resolved` were and are no more.

    First and last time, `hours` and `days` (how many were parked in each that has some) are of all of them.
    """

    fingerprint: str
    code: str
    error_class: str
    message: str
    step_type: str
    count: int
    jobs: int
    resolved: int
    first_at: datetime
    last_at: datetime
    types: Sequence[JobType]
    example: str
    hours: Mapping[datetime, int]
    days: Mapping[datetime, int]


class _Source(NamedTuple):
    """What is grouped: units with their jobs, the columns of units, and which of them are parked now."""

    tables: FromClause
    unit: Columns
    parked: ColumnElement[bool]


_NOW = _Source(BOTH, dead_letters.c, literal_column("true"))
_EVER = _Source(EVER, parkings.c, parkings.c.still)


async def list_groups(
    connection: AsyncConnection,
    wanted: DeadLetterFilter,
    now: datetime,
    cursor: str | None,
    limit: int,
    *,
    state: GroupState = GroupState.PARKED,
) -> tuple[list[Group], str | None]:
    """A page of kinds of failure, and the next page's cursor.

    Of what is parked the most frequent come first; where the past is asked for, what was parked last. Hours are those
    of the last two days, days those of the last thirty, both in UTC.

    Raises:
        CursorError: `cursor` is not one that a page of this list has given.
    """
    within = wanted
    if state is not GroupState.PARKED and wanted.since is None:
        within = replace(wanted, since=now - PAST)
    rows = await _page(connection, within, state, cursor, limit + 1)
    page = rows[:limit]
    prints = [row.fingerprint for row in page]
    types = await list_types(connection, wanted, prints)
    hours = await _counts(connection, wanted, prints, "hour", now - timedelta(days=2))
    days = await _counts(connection, wanted, prints, "day", now - timedelta(days=30))
    groups = [_group(row, types.get(row.fingerprint, []), hours, days) for row in page]
    return groups, _after(page[-1], state) if len(rows) > limit else None


def _after(row: Row[Any], state: GroupState) -> str:
    fields = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    value = fields["count" if state is GroupState.PARKED else "last_at"]
    return paging.encode_position(f"-{state}", paging.Position(value, row.fingerprint))


async def _page(
    connection: AsyncConnection, wanted: DeadLetterFilter, state: GroupState, cursor: str | None, most: int
) -> list[Row[Any]]:
    by_count = state is GroupState.PARKED
    tables, unit, parked = _NOW if by_count else _EVER
    count, last_at = func.count().filter(parked), func.max(unit.parked_at)
    rank: ColumnElement[Any] = count if by_count else last_at

    def of_newest(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.array_agg(aggregate_order_by(column, parked.desc(), unit.parked_at.desc()))[1]

    query = select(
        unit.fingerprint,
        *(of_newest(unit[name]).label(name) for name in ("code", "error_class", "message", "step_type")),
        of_newest(unit.job_id).label("example"),
        count.label("count"),
        func.count(unit.job_id.distinct()).filter(parked).label("jobs"),
        func.min(unit.parked_at).label("first_at"),
        last_at.label("last_at"),
    ).select_from(tables)
    query = query.where(*conditions(wanted, unit)).group_by(unit.fingerprint)
    if state is GroupState.RESOLVED:
        query = query.having(count == 0)
    if cursor is not None:
        position = paging.decode_position(f"-{state}", int if by_count else datetime, cursor)
        value = literal(position.value) if by_count else literal(position.value, DateTime(timezone=True))
        query = query.having(tuple_(rank, unit.fingerprint) < tuple_(value, literal(position.id)))
    return list(await connection.execute(query.order_by(rank.desc(), unit.fingerprint.desc()).limit(most)))


def _group(
    row: Row[Any],
    types: Sequence[JobType],
    hours: Mapping[str, Mapping[datetime, int]],
    days: Mapping[str, Mapping[datetime, int]],
) -> Group:
    same = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Group(
        **same
        | {
            "types": types[:SHOWN],
            "resolved": sum(one.resolved for one in types),
            "first_at": min([row.first_at, *(one.first_at for one in types)]),
            "last_at": max([row.last_at, *(one.last_at for one in types)]),
            "hours": hours.get(row.fingerprint, {}),
            "days": days.get(row.fingerprint, {}),
        }
    )


async def _counts(
    connection: AsyncConnection, wanted: DeadLetterFilter, fingerprints: Sequence[str], part: str, since: datetime
) -> dict[str, dict[datetime, int]]:
    if not fingerprints:
        return {}
    unit = parkings.c
    at = func.date_trunc(literal_column(f"'{part}'"), unit.parked_at, literal_column("'UTC'")).label("at")
    query = select(unit.fingerprint, at, func.count().label("number")).select_from(EVER)
    query = query.where(is_one_of(unit.fingerprint, fingerprints), unit.parked_at >= since, *conditions(wanted, unit))
    found: dict[str, dict[datetime, int]] = {}
    for row in await connection.execute(query.group_by(unit.fingerprint, at).order_by(at)):
        found.setdefault(row.fingerprint, {})[row.at] = row.number
    return found
