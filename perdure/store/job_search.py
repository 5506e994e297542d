"""Pages of jobs: filtered, sorted, each page found through an index. Used by the API."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Integer, Select, func, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store import cursor as paging
from perdure.store.dated_word import each_week, has_words, in_week, lexemes
from perdure.store.job import LISTED_COLUMNS, StoredJob, with_problem
from perdure.store.job_ahead import Ahead, in_order, look_ahead
from perdure.store.job_filter import (
    JobFilter,
    conditions,
    indexed,
    may_begin,
    only,
    quick_conditions,
    status_condition,
    without,
)
from perdure.store.job_order import JobSort, Place
from perdure.store.json_row import as_text, json_object
from perdure.store.table import jobs

_WINDOW, _WIDER = 1_000, 5_000
"""Rows looked through in the order of the list before all that match are asked for."""
_SPARSE = 8
"""A look that finds less than one in so many of those wanted is not worth a wider one."""
_DENSE = 10_000
"""Jobs a week that have a field: to read so many entries of its index takes longer than to look at the rows that
words leave."""
_FILTERED = (
    *("tenant", "status", "type", "queue", "correlation_id", "trace_id", "submitted_by", "parent_id"),
    *("name", "labels", "error", "created_at"),
)
_FENCE = literal_column("0", Integer)
"""OFFSET 0: the planner cannot walk in order beyond it, which takes long where less match than it thinks."""
_ROW = as_text(json_object({name: jobs.c[name] for name in LISTED_COLUMNS}))
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
    await connection.execute(_PLANNING)
    found = await _found(connection, wanted, Place(sort, after), limit + 1)
    page = found[:limit]
    more = len(found) > limit and page
    return page, paging.encode_position(sort, _position(page[-1], sort)) if more else None


async def _found(connection: AsyncConnection, wanted: JobFilter, place: Place, limit: int) -> list[StoredJob]:
    fields = indexed(wanted)
    spoken = bool(wanted.words or wanted.labels)
    if len(fields) <= 1 and not spoken:
        return await _jobs(connection, in_order(wanted, place, limit), place)
    # A window holds twice of what is counted: jobs may be added meanwhile.
    ahead = await look_ahead(connection, wanted, place, _WINDOW // 2)
    if ahead is None:
        return []
    main = only(wanted, ahead.fields[:1])
    others = without(wanted, ahead.fields[:1])
    found = await _jobs(connection, _in_window(main, others, place, limit, _WINDOW), place)
    if len(found) >= limit or ahead.all_within_window:
        return found
    by_week = spoken and place.newest_first is not None  # in another order all weeks are to be asked
    if len(found) * _SPARSE >= limit and not by_week:
        found = await _jobs(connection, _in_window(main, others, place, limit, _WIDER), place)
        if len(found) >= limit:
            return found
    if spoken:
        return await _by_week(connection, wanted, place, limit, ahead)
    return await _jobs(connection, _of_all(wanted, place, limit), place)


async def _by_week(
    connection: AsyncConnection, wanted: JobFilter, place: Place, limit: int, ahead: Ahead
) -> list[StoredJob]:
    """All that match, from the week where the list begins on: words and labels are indexed by week."""
    asked = await lexemes(connection, wanted.words, wanted.labels, begins=may_begin(wanted.words))
    if asked.empty:
        return []
    some = only(wanted, ahead.sparse(_DENSE))
    inside = [*conditions(some, jobs.c), *status_condition(some, jobs.c), *(in_week() if indexed(some) else ())]
    # Of a word that the database parts into several the index has the parts only.
    left = replace(wanted, words=() if asked.exact else wanted.words)
    rows = select(*place.keys, *_columns()).where(has_words(), *inside).offset(_FENCE).subquery()
    of_week = select(rows.c.id, rows.c.sorted_by)
    of_week = of_week.where(*place.conditions(rows), *conditions(left, rows.c), *status_condition(left, rows.c))
    found = of_week.order_by(*place.order(rows)).limit(limit).lateral()
    weeks = each_week(asked, ahead.since, ahead.until, newest_first=place.newest_first)
    keys = select(found.c.id, found.c.sorted_by).select_from(weeks.join(found, true())).limit(limit)
    # Weeks are taken one after the other until there is enough; only another order needs them all.
    keys = keys if place.newest_first is not None else keys.order_by(*place.order(found))
    return await _jobs(connection, keys, place)


def _columns() -> list[Column[Any]]:
    return [jobs.c[name] for name in _FILTERED]


def _in_window(main: JobFilter, others: JobFilter, place: Place, limit: int, window: int) -> Select[Any]:
    """The first ones among the next rows that meet the main condition: enough, where many meet the others too."""
    rows = in_order(main, place, window, _columns()).subquery()
    inside = [*quick_conditions(others, rows.c), *status_condition(others, rows.c), *conditions(others, rows.c)]
    return select(rows.c.id, rows.c.sorted_by).where(*inside).order_by(*place.order(rows)).limit(limit)


def _of_all(wanted: JobFilter, place: Place, limit: int) -> Select[Any]:
    """All that match, then sorted: right in any case, quick where few do."""
    inside = [*status_condition(wanted, jobs.c), *conditions(wanted, jobs.c), *place.conditions()]
    rows = select(*place.keys).where(*inside).offset(_FENCE).subquery()
    return select(rows).order_by(*place.order(rows)).limit(limit)


async def _jobs(connection: AsyncConnection, keys: Select[Any], place: Place) -> list[StoredJob]:
    rows = await connection.scalars(_shown(keys, place))
    return [with_problem(StoredJob.model_validate_json(row)) for row in rows]


def _shown(keys: Select[Any], place: Place) -> Select[str]:
    page = keys.subquery("page")
    return select(_ROW).join(page, page.c.id == jobs.c.id).order_by(*place.order(page))


def _position(job: StoredJob, sort: JobSort) -> paging.Position:
    return paging.Position(getattr(job, sort.value.removeprefix("-")), job.id)
