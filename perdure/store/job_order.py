"""Orders of lists of jobs, and places in them. Used by the search."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, tuple_

from perdure.store import cursor as paging
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


class Place:
    """An order, and from where on."""

    def __init__(self, sort: JobSort, after: paging.Position | None) -> None:
        self._sort = sort
        self._after = after

    @property
    def keys(self) -> list[ColumnElement[Any]]:
        """What rows are sorted by: `id` and `sorted_by`."""
        return [jobs.c.id, self._sort.column.label("sorted_by")]

    def conditions(self, keys: FromClause | None = None) -> list[ColumnElement[bool]]:
        """Whether a row has such a place, and beyond this one; of the columns of `jobs`, or of `keys` of some."""
        column, id_ = self._columns(keys)
        found: list[ColumnElement[bool]] = [column.is_not(None)] if self._sort.column.nullable else []
        if self._after is not None:
            here, there = tuple_(column, id_), tuple_(*self._after)
            found.append(here < there if self._sort.descending else here > there)
        return found

    def order(self, keys: FromClause | None = None) -> list[ColumnElement[Any]]:
        """By the columns of `jobs`, or by `keys` of some of them."""
        return [column.desc() if self._sort.descending else column.asc() for column in self._columns(keys)]

    @property
    def newest_first(self) -> bool | None:
        """Which way through the times of creation the list goes; None where it is sorted by something else."""
        by_creation = self._sort.column is jobs.c.created_at
        return self._sort.descending if by_creation else None

    @property
    def by_creation(self) -> "Place":
        """This place where the list is sorted by creation, the newest job otherwise."""
        return Place(JobSort.NEWEST, None) if self.newest_first is None else self

    def within(self, since: datetime, until: datetime) -> tuple[datetime, datetime]:
        """Of that time, when jobs were created that may still come."""
        here = self._after.value if self._after and self.newest_first is not None else None
        if not isinstance(here, datetime):
            return since, until
        return (since, min(until, here)) if self.newest_first else (max(since, here), until)

    def _columns(self, keys: FromClause | None) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        return (self._sort.column, jobs.c.id) if keys is None else (keys.c.sorted_by, keys.c.id)
