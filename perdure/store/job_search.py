"""Pages of jobs: filtered, sorted, each page found through an index. Used by the API."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store import cursor as paging
from perdure.store.job import LISTED_COLUMNS, StoredJob, with_problem
from perdure.store.job_filter import JobFilter, content_conditions, plain_conditions
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
    def column(self) -> ColumnElement[Any]:
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


_WINDOW = 10_000
"""Rows looked through in the order of the list before an inverted index is asked for all that match."""
_WORDS_WINDOW = 1_500
"""The same where words are searched: each row's are made anew."""
# Which plan is right depends on the values: how many jobs have this status, this label. Compiling takes longer
# than any of these statements may.
_PLANNING = select(
    func.set_config("plan_cache_mode", "force_custom_plan", True),  # noqa: FBT003 - SQL's
    func.set_config("jit", "off", True),  # noqa: FBT003
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
    found: list[StoredJob] = []
    for keys in _looks(wanted, place, limit + 1):
        rows = await connection.scalars(_shown(keys, place))
        found = [with_problem(StoredJob.model_validate_json(row)) for row in rows]
        if len(found) > limit:
            break
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
        found = [column.is_not(None)] if column.nullable else []  # type: ignore[attr-defined]
        if self._after is not None:
            here, there = tuple_(column, jobs.c.id), tuple_(*self._after)
            found.append(here < there if self._sort.descending else here > there)
        return found

    def order(self, columns: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
        both = columns["sorted_by"], columns["id"]
        return [column.desc() if self._sort.descending else column.asc() for column in both]

    def own_order(self) -> list[ColumnElement[Any]]:
        return self.order({"sorted_by": self._sort.column, "id": jobs.c.id})


def _looks(wanted: JobFilter, place: _Place, limit: int) -> list[Select[Any]]:
    """Ways to the keys of a page, each right if it yields `limit` of them, the last one in any case."""
    if not (wanted.labels or wanted.words):
        return [_in_order(wanted, place, limit, place.keys)]
    return [_in_window(wanted, place, limit), _of_all(wanted, place, limit)]


def _in_order(wanted: JobFilter, place: _Place, limit: int, columns: list[ColumnElement[Any]]) -> Select[Any]:
    """The first ones that meet the plain conditions: from an index that has the order, one a status."""
    query = select(*columns).where(*plain_conditions(wanted), *place.conditions())
    query = query.order_by(*place.own_order()).limit(limit)
    if not wanted.statuses:
        return query
    each = [query.where(jobs.c.status == status.value).subquery() for status in wanted.statuses]
    merged = union_all(*map(select, each)).subquery()
    return select(merged).order_by(*place.order(merged.c)).limit(limit)


def _in_window(wanted: JobFilter, place: _Place, limit: int) -> Select[Any]:
    """Those among the first rows in order: quick where many jobs match."""
    size = _WORDS_WINDOW if wanted.words else _WINDOW
    columns = [*place.keys, jobs.c.name, jobs.c.labels, jobs.c.error]
    rows = _in_order(wanted, place, size, columns).subquery()
    inside = content_conditions(wanted, name=rows.c.name, labels=rows.c.labels, error=rows.c.error)
    return select(rows.c.id, rows.c.sorted_by).where(*inside).order_by(*place.order(rows.c)).limit(limit)


def _of_all(wanted: JobFilter, place: _Place, limit: int) -> Select[Any]:
    """All that match, then sorted: quick where few do. OFFSET keeps the planner from walking in order instead."""
    inside = content_conditions(wanted, name=jobs.c.name, labels=jobs.c.labels, error=jobs.c.error)
    query = select(*place.keys).where(*plain_conditions(wanted), *place.conditions(), *inside)
    if wanted.statuses:
        query = query.where(jobs.c.status.in_([status.value for status in wanted.statuses]))
    rows = query.offset(literal_column("0")).subquery()
    return select(rows.c.id, rows.c.sorted_by).order_by(*place.order(rows.c)).limit(limit)


def _shown(keys: Select[Any], place: _Place) -> Select[str]:
    page = keys.subquery("page")
    row = as_text(json_object({name: jobs.c[name] for name in LISTED_COLUMNS}))
    return select(row).join(page, page.c.id == jobs.c.id).order_by(*place.order(page.c))


def _position(job: StoredJob, sort: JobSort) -> paging.Position:
    return paging.Position(getattr(job, sort.value.removeprefix("-")), job.id)
