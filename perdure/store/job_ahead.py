"""How many jobs of a list lie ahead, by each of its fields: what a search is best begun with. Used by the search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ScalarSelect, Select, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.job_filter import JobFilter, conditions, indexed, only
from perdure.store.job_order import Place
from perdure.store.table import jobs

_WEEK, _MOMENT = timedelta(weeks=1), timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What comes after a place, by how the next jobs of each field lie in time: a guess of how many there are.

    It decides how is searched, never what is found.
    """

    since: datetime
    """Not before this were jobs created that may still come; `until`: and not after that."""
    until: datetime
    per_week: Mapping[str, float]
    """Jobs a week by the field that they have; 0 where no more than a window of them are left in all."""

    @property
    def fields(self) -> list[str]:
        """First those that the fewest jobs have."""
        return sorted(self.per_week, key=self.per_week.__getitem__)

    @property
    def all_within_window(self) -> bool:
        """Whether the jobs that have the first field are no more than a window holds."""
        return 0 in self.per_week.values()

    def sparse(self, most: float) -> list[str]:
        """The fields that no more jobs of a week have."""
        return [name for name, count in self.per_week.items() if count <= most]


async def look_ahead(connection: AsyncConnection, wanted: JobFilter, place: Place, window: int) -> Ahead | None:
    """Look at the first job beyond a window for each field that has an index. None where there are no jobs at all."""
    fields = indexed(wanted)
    by_creation = place.by_creation
    ends = [select(end(jobs.c.created_at)).scalar_subquery() for end in (func.min, func.max)]
    beyond = [_beyond(only(wanted, [name]), by_creation, window) for name in fields]
    oldest, newest, *found = (await connection.execute(select(*ends, *beyond))).one()
    if oldest is None:
        return None
    since, until = place.within(max(oldest, wanted.since or oldest), min(newest, wanted.until or newest))
    begin = until if by_creation.newest_first else since
    return Ahead(
        since,
        until,
        {name: _per_week(window, begin, there) for name, there in zip(fields, found, strict=True)},
    )


def _beyond(wanted: JobFilter, place: Place, window: int) -> ScalarSelect[datetime]:
    rows = in_order(wanted, place, window + 1, [jobs.c.created_at]).subquery()
    return select(rows.c.created_at).order_by(*place.order(rows)).offset(window).scalar_subquery()


def _per_week(window: int, begin: datetime, there: datetime | None) -> float:
    return 0.0 if there is None else window * (_WEEK / max(abs(there - begin), _MOMENT))


def in_order(wanted: JobFilter, place: Place, limit: int, more: Sequence[Column[Any]] = ()) -> Select[Any]:
    """The first ones from an index that has the order; one a status, merged."""
    query = select(*place.keys, *more).where(*conditions(wanted, jobs.c), *place.conditions())
    query = query.order_by(*place.order()).limit(limit)
    if not wanted.statuses:
        return query
    each = [query.where(jobs.c.status == status.value).subquery() for status in wanted.statuses]
    merged = union_all(*map(select, each)).subquery()
    return select(merged).order_by(*place.order(merged)).limit(limit)
