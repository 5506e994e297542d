"""What is parked now: filtered, and listed by job. Used by the API; `dead_letter_group` has the groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Text,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.journal import JournalType
from perdure.store import cursor as paging
from perdure.store.job import LISTED_COLUMNS, StoredJob, with_problem
from perdure.store.job_filter import Columns
from perdure.store.json_row import as_text, is_one_of, json_object
from perdure.store.table import dead_letters, jobs, journal

_ORDER = "parked"
UNITS_SHOWN = 20
"""Units that a list shows of one job; the job itself has all."""


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which parked units are meant; None and empty mean any, `tenant=None` every tenant."""

    tenant: str | None
    error_code: str | None = None
    error_class: str | None = None
    fingerprint: str | None = None
    http_status: int | None = None
    step: str | None = None
    type: str | None = None
    """Of the job."""
    queue: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    """Parked at or after."""
    until: datetime | None = None
    """Parked before."""
    words: Sequence[str] = ()
    """Each is somewhere in the job's name, its labels, the code or the message."""

    @property
    def by_unit(self) -> bool:
        """Whether it may mean some of a job's parked units and not others."""
        own = (self.error_code, self.error_class, self.fingerprint, self.http_status, self.step, self.since, self.until)
        return bool(self.words) or any(value is not None for value in own)


@dataclass(frozen=True, slots=True)
class ParkedUnit:
    """A parked step, item or compensation."""

    job_id: str
    unit: str
    step_id: str
    step_type: str
    round: int
    parked_at: datetime
    code: str
    error_class: str
    fingerprint: str
    message: str
    http_status: int | None


@dataclass(frozen=True, slots=True)
class ParkedJob:
    """A job with parked units. `since`, `count` and `units` (the first ones) are of those that were asked for."""

    job: StoredJob
    since: datetime
    expires_at: datetime | None
    count: int
    units: Sequence[ParkedUnit]


def conditions(wanted: DeadLetterFilter, unit: Columns = dead_letters.c) -> list[ColumnElement[bool]]:
    """What holds for the units that are meant, joined with their `jobs`; `unit`: whatever has columns of that name."""
    equal = {
        unit.tenant: wanted.tenant,
        unit.code: wanted.error_code,
        unit.error_class: wanted.error_class,
        unit.fingerprint: wanted.fingerprint,
        unit.http_status: wanted.http_status,
        unit.step_id: wanted.step,
        jobs.c.type: wanted.type,
        jobs.c.queue: wanted.queue,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if wanted.labels:
        found.append(jobs.c.labels.contains(dict(wanted.labels)))
    if wanted.since is not None:
        found.append(unit.parked_at >= wanted.since)
    if wanted.until is not None:
        found.append(unit.parked_at < wanted.until)
    parts = (jobs.c.name, cast(jobs.c.labels, Text), unit.code, unit.message)
    told = func.lower(func.concat_ws(" ", *parts))
    return [*found, *(told.contains(word.lower(), autoescape=True) for word in wanted.words)]


BOTH = dead_letters.join(jobs, jobs.c.id == dead_letters.c.job_id)
"""Parked units with the jobs whose they are."""


async def list_dead_letters(
    connection: AsyncConnection, wanted: DeadLetterFilter, cursor: str | None, limit: int
) -> tuple[list[ParkedJob], str | None]:
    """A page of jobs of which something that is wanted is parked, the last parked first; the next page's cursor.

    Raises:
        CursorError: `cursor` is not one that a page of this list has given.
    """
    since, count = func.min(dead_letters.c.parked_at), func.count()
    found = select(dead_letters.c.job_id, since.label("since"), count.label("count")).select_from(BOTH)
    found = found.where(*conditions(wanted)).group_by(dead_letters.c.job_id)
    if cursor is not None:
        position = paging.decode_position(_ORDER, datetime, cursor)
        after = tuple_(literal(position.value, DateTime(timezone=True)), literal(position.id))
        found = found.having(tuple_(since, dead_letters.c.job_id) < after)
    page = found.order_by(since.desc(), dead_letters.c.job_id.desc()).limit(limit + 1).subquery("page")
    rows = (await connection.execute(_shown(page))).all()
    of_jobs = await _units(connection, wanted, [row.job_id for row in rows[:limit]])
    shown = [
        ParkedJob(
            with_problem(StoredJob.model_validate_json(row.job)),
            row.since,
            row.expires_at,
            row.count,
            of_jobs.get(row.job_id, ()),
        )
        for row in rows[:limit]
    ]
    if len(rows) <= limit:
        return shown, None
    last = shown[-1]
    return shown, paging.encode_position(_ORDER, paging.Position(last.since, last.job.id))


def _shown(page: Any) -> Select[Any]:
    row = as_text(json_object({name: jobs.c[name] for name in LISTED_COLUMNS})).label("job")
    query = select(page.c.job_id, page.c.since, page.c.count, row, _expires(jobs.c.id).label("expires_at"))
    return query.join(jobs, jobs.c.id == page.c.job_id).order_by(page.c.since.desc(), page.c.job_id.desc())


def _expires(job_id: ColumnElement[str]) -> ColumnElement[datetime]:
    """When the retention of the job's newest dead letter ends."""
    told = cast(journal.c.data["expires_at"].as_string(), DateTime(timezone=True))
    newest = select(told).where(journal.c.job_id == job_id, journal.c.type == JournalType.JOB_DEAD_LETTERED.value)
    place = (journal.c.run_started_at.desc(), journal.c.event_id.desc(), journal.c.ordinal.desc())
    return newest.order_by(*place).limit(1).correlate(jobs).scalar_subquery()


async def _units(
    connection: AsyncConnection, wanted: DeadLetterFilter, job_ids: Sequence[str], most: int = UNITS_SHOWN
) -> dict[str, list[ParkedUnit]]:
    if not job_ids:
        return {}
    columns = [dead_letters.c[name] for name in ParkedUnit.__dataclass_fields__]
    order = (dead_letters.c.parked_at, dead_letters.c.unit)
    number = func.row_number().over(partition_by=dead_letters.c.job_id, order_by=order).label("number")
    numbered = select(*columns, number).select_from(BOTH)
    numbered = numbered.where(is_one_of(dead_letters.c.job_id, job_ids), *conditions(wanted))
    rows = numbered.subquery()
    query = select(*(rows.c[column.name] for column in columns)).where(rows.c.number <= most)
    found: dict[str, list[ParkedUnit]] = {}
    for row in await connection.execute(query.order_by(rows.c.job_id, rows.c.number)):
        found.setdefault(row.job_id, []).append(ParkedUnit(**row._mapping))  # noqa: SLF001 - SQLAlchemy's public name
    return found


async def parked_units(
    connection: AsyncConnection, job_id: str, most: int
) -> tuple[list[ParkedUnit], int, datetime | None]:
    """What is parked of a job, `most` at most; how many units in all; when its retention ends."""
    query = select(func.count()).select_from(dead_letters).where(dead_letters.c.job_id == job_id)
    count = await connection.scalar(query) or 0
    found = await _units(connection, DeadLetterFilter(tenant=None), [job_id], most)
    expires_at = await connection.scalar(select(_expires(jobs.c.id)).where(jobs.c.id == job_id))
    return found.get(job_id, []), count, expires_at


def chosen(wanted: DeadLetterFilter) -> Select[Any]:
    """The jobs that a filter means now, first parked first: `job_id`, and `units` where it means some units only."""
    since = func.min(dead_letters.c.parked_at)
    units = func.json_agg(aggregate_order_by(dead_letters.c.unit, dead_letters.c.unit))
    shown = units if wanted.by_unit else literal_column("NULL::json")
    query = select(dead_letters.c.job_id, shown.label("units"), since.label("since")).select_from(BOTH)
    return query.where(*conditions(wanted)).group_by(dead_letters.c.job_id)


async def count_chosen(connection: AsyncConnection, wanted: DeadLetterFilter) -> int:
    """How many jobs a filter means now."""
    found = select(func.count(dead_letters.c.job_id.distinct())).select_from(BOTH).where(*conditions(wanted))
    return await connection.scalar(found) or 0
