"""Pages of jobs: filtered, sorted, each page found through an index. Used by the API."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, func, literal_column, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store import cursor as paging
from perdure.store.dated_word import created_within, in_weeks, lexemes, portion, weeks
from perdure.store.job import LISTED_COLUMNS, StoredJob, with_problem
from perdure.store.job_filter import (
    JobFilter,
    conditions,
    label_condition,
    may_begin,
    quick_conditions,
    split,
    status_condition,
)
from perdure.store.json_row import as_text, json_object
from perdure.store.table import jobs


class JobSort(StrEnum):
    """Orders of a list; equal ones are told apart by id, in the same direction.

    Jobs that have not ended have neither `completed_at` nor `execution_ms`: they are not in lists sorted by these.
    """

    NEWEST = "-created_at"
    OLDEST = "created_at"
    LAST_COMPLETED = "-completed_at"
    FIRST_COMPLETED = "completed_at"
    LONGEST = "-execution_ms"
    SHORTEST = "execution_ms"

    @property
    def column(self) -> Column[Any]:
        """The column the list is sorted by."""
        return jobs.c[self.value.removeprefix("-")]

    @property
    def kind(self) -> type[datetime] | type[int]:
        """What the column holds."""
        return int if self in (JobSort.LONGEST, JobSort.SHORTEST) else datetime

    @property
    def descending(self) -> bool:
        """Whether the greatest comes first."""
        return self.value.startswith("-")


_WINDOWS = (1_000, 5_000)
"""Rows looked through in the order of the list before all that match are asked for."""
_SPARSE = 8
"""A look that finds less than one in so many of those wanted is not worth a longer one."""
_FILTERED = (
    *("tenant", "status", "type", "queue", "correlation_id", "trace_id", "submitted_by", "parent_id"),
    *("name", "labels", "error"),
)
# Which plan is right depends on the values: how many jobs have this status, this label. Compiling takes longer
# than any of these statements may, and a bitmap that does not fit means to look into every row of a page.
_PLANNING = select(
    func.set_config("plan_cache_mode", "force_custom_plan", True),
    func.set_config("jit", "off", True),
    func.set_config("work_mem", "32MB", True),
    func.set_config("max_parallel_workers_per_gather", "0", True),  # to start one takes longer
)


async def list_jobs(
    connection: AsyncConnection,
    wanted: JobFilter,
    cursor: str | None,
    limit: int,
    sort: JobSort = JobSort.NEWEST,
) -> tuple[list[StoredJob], str | None]:
    """A page of jobs without steps, input and output; and the cursor of the next page.

    A job that is added while somebody turns the pages moves no other to another page.

    Raises:
        CursorError: `cursor` is not one that a page in this order has given.
    """
    after = None if cursor is None else paging.decode_position(sort, sort.kind, cursor)
    place = _Place(sort, after)
    await connection.execute(_PLANNING)
    found = await _found(connection, wanted, place, limit + 1)
    page = found[:limit]
    more = len(found) > limit and page
    return page, paging.encode_position(sort, _position(page[-1], sort)) if more else None


class _Place:
    """An order, and from where on."""

    def __init__(self, sort: JobSort, after: paging.Position | None) -> None:
        self._sort = sort
        self._after = after

    @property
    def keys(self) -> list[ColumnElement[Any]]:
        return [jobs.c.id, self._sort.column.label("sorted_by")]

    def conditions(self) -> list[ColumnElement[bool]]:
        column = self._sort.column
        found: list[ColumnElement[bool]] = [column.is_not(None)] if column.nullable else []
        if self._after is not None:
            here, there = tuple_(column, jobs.c.id), tuple_(*self._after)
            found.append(here < there if self._sort.descending else here > there)
        return found

    @property
    def newest_first(self) -> bool | None:
        """Which way through the times of creation the list goes; None where it is sorted by something else."""
        by_creation = self._sort.column is jobs.c.created_at
        return self._sort.descending if by_creation else None

    def within(self, wanted: JobFilter, created: tuple[datetime, datetime] | None) -> tuple[datetime, datetime] | None:
        """When jobs were created that may still come; None if there are none."""
        if created is None:
            return None
        since, until = created
        since, until = max(since, wanted.since or since), min(until, wanted.until or until)
        here = self._after.value if self._after and self.newest_first is not None else None
        if isinstance(here, datetime):
            since, until = (since, min(until, here)) if self.newest_first else (max(since, here), until)
        return (since, until) if since <= until else None

    def order(self, keys: FromClause | None = None) -> list[ColumnElement[Any]]:
        """By the columns of `jobs`, or by `keys` of some of them."""
        both = (self._sort.column, jobs.c.id) if keys is None else (keys.c.sorted_by, keys.c.id)
        return [column.desc() if self._sort.descending else column.asc() for column in both]


async def _found(connection: AsyncConnection, wanted: JobFilter, place: _Place, limit: int) -> list[StoredJob]:
    main, others = split(wanted)
    if others is None:
        return await _jobs(connection, _in_order(main, place, limit), place)
    for window in _WINDOWS:
        found = await _jobs(connection, _in_window(main, others, place, limit, window), place)
        if len(found) >= limit:
            return found
        if len(found) * _SPARSE < limit:
            break
    if wanted.words or wanted.labels:
        return await _by_week(connection, wanted, place, limit)
    return await _jobs(connection, _of_all(wanted, place, limit), place)


async def _by_week(connection: AsyncConnection, wanted: JobFilter, place: _Place, limit: int) -> list[StoredJob]:
    """All that match, of the first weeks that hold enough of them: words and labels are indexed by week."""
    asked = await lexemes(connection, wanted.words, wanted.labels, begins=may_begin(wanted.words))
    span = place.within(wanted, await created_within(connection))
    found: list[StoredJob] = []
    if span is None or asked.empty:
        return found
    # Of a word that the database parts into several the index has the parts only.
    others = replace(wanted, labels={}, words=() if asked.exact else wanted.words)
    labelled = label_condition(wanted, jobs.c)
    left, looked_at = weeks(*span, newest_first=place.newest_first), 0
    while left and len(found) < limit:
        missing = limit - len(found)
        size = len(left) if place.newest_first is None else portion(looked_at, len(found), missing)
        some, left = left[:size], left[size:]
        found += await _jobs(connection, _of_all(others, place, missing, *in_weeks(asked, some), *labelled), place)
        looked_at += len(some)
    return found


def _in_order(wanted: JobFilter, place: _Place, limit: int, more: Sequence[Column[Any]] = ()) -> Select[Any]:
    """The first ones from an index that has the order; one a status, merged."""
    query = select(*place.keys, *more).where(*conditions(wanted, jobs.c), *place.conditions())
    query = query.order_by(*place.order()).limit(limit)
    if not wanted.statuses:
        return query
    each = [query.where(jobs.c.status == status.value).subquery() for status in wanted.statuses]
    merged = union_all(*map(select, each)).subquery()
    return select(merged).order_by(*place.order(merged)).limit(limit)


def _in_window(main: JobFilter, others: JobFilter, place: _Place, limit: int, window: int) -> Select[Any]:
    """The first ones among the next rows that meet the main condition: enough, where many meet the others too."""
    rows = _in_order(main, place, window, [jobs.c[name] for name in _FILTERED]).subquery()
    inside = [*quick_conditions(others, rows.c), *status_condition(others, rows.c), *conditions(others, rows.c)]
    return select(rows.c.id, rows.c.sorted_by).where(*inside).order_by(*place.order(rows)).limit(limit)


def _of_all(wanted: JobFilter, place: _Place, limit: int, *more: ColumnElement[bool]) -> Select[Any]:
    """All that match, then sorted: right in any case, quick where few do.

    OFFSET keeps the planner from walking in order, which takes long where less match than it thinks.
    """
    inside = [*status_condition(wanted, jobs.c), *conditions(wanted, jobs.c), *place.conditions(), *more]
    rows = select(*place.keys).where(*inside).offset(literal_column("0")).subquery()
    return select(rows).order_by(*place.order(rows)).limit(limit)


async def _jobs(connection: AsyncConnection, keys: Select[Any], place: _Place) -> list[StoredJob]:
    rows = await connection.scalars(_shown(keys, place))
    return [with_problem(StoredJob.model_validate_json(row)) for row in rows]


def _shown(keys: Select[Any], place: _Place) -> Select[str]:
    page = keys.subquery("page")
    row = as_text(json_object({name: jobs.c[name] for name in LISTED_COLUMNS}))
    return select(row).join(page, page.c.id == jobs.c.id).order_by(*place.order(page))


def _position(job: StoredJob, sort: JobSort) -> paging.Position:
    return paging.Position(getattr(job, sort.value.removeprefix("-")), job.id)
