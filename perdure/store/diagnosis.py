"""What the journal tells about a failure: what came before and after it, who tried again, how often it was seen.

Used by the diagnosis of a job in the API.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.identifier import UnitId
from perdure.contract.journal import JournalType
from perdure.projection.record import JobRecord, JournalEvent
from perdure.store.journal import JournalRow
from perdure.store.json_row import as_text, is_one_of, json_object
from perdure.store.table import journal, runs

MOST_COUNTED = 3_000
"""Failures with one fingerprint that are looked at, the newest first."""
_MOST_RETRIES = 100
_POSITION = (journal.c.run_started_at, journal.c.run_id, journal.c.event_id, journal.c.ordinal)
_ROW = as_text(json_object({name: journal.c[name] for name in JournalEvent.model_fields}))
_UNIT_FAILED = (
    JournalType.STEP_ATTEMPT_FAILED,
    JournalType.STEP_PARKED,
    JournalType.STEP_FAILED,
    JournalType.STEP_COMPENSATION_FAILED,
)
_JOB_FAILED = (
    JournalType.JOB_FAILED,
    JournalType.JOB_CANCELED,
    JournalType.JOB_TIMED_OUT,
    JournalType.JOB_TERMINATED,
)
# A job that is trying again has failed just now; its failures enter the journal when it tries no more.
_SEEN = text(
    """
    WITH told AS (
        SELECT job_id, at FROM journal
        WHERE split_part(job_id, ':', 1) = :tenant AND data -> 'error' ->> 'fingerprint' = :fingerprint
        ORDER BY at DESC LIMIT :most
    ), now_so AS (
        SELECT id AS job_id, coalesce(completed_at, now()) AS at FROM jobs
        WHERE error IS NOT NULL AND error ->> 'fingerprint' = :fingerprint AND tenant = :tenant
            AND (completed_at IS NOT NULL OR status = 'RETRYING')
        ORDER BY created_at DESC, id DESC LIMIT :most
    ), seen AS (SELECT * FROM told UNION ALL SELECT * FROM now_so)
    SELECT count(DISTINCT job_id) FILTER (WHERE at > now() - interval '1 hour') AS last_hour,
        count(DISTINCT job_id) FILTER (WHERE at > now() - interval '1 day') AS last_day,
        count(DISTINCT job_id) AS total,
        min(at) AS first_at, max(at) AS last_at,
        (SELECT count(*) FROM told) = :most OR (SELECT count(*) FROM now_so) = :most AS capped
    FROM seen
    """
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The jobs of a tenant that failures with one fingerprint were seen in.

    `capped`: the oldest failures are left out, so that `total` (and perhaps the others) is the least it can be.
    """

    last_hour: int
    last_day: int
    total: int
    first_at: datetime | None
    last_at: datetime | None
    capped: bool


@dataclass(frozen=True, slots=True)
class FailureContext:
    """What was found. Empty where the store does not know the job, or is away."""

    seen: Seen | None = None
    retries: Sequence[JournalEvent] = ()
    """Who asked for another round, in order."""
    failed_at: datetime | None = None
    events: Sequence[JournalRow] = field(default_factory=list)
    """The last ones up to the failure, and the first ones after it."""


async def failure_context(
    connection: AsyncConnection, job: JobRecord, unit: UnitId | None, fingerprint: str | None, around: int
) -> FailureContext:
    """What the store tells of a failure.

    Args:
        connection: in a transaction.
        job: whose failure it is.
        unit: what failed; None: the job itself.
        fingerprint: of its error; None: there is none, and nothing to count.
        around: events before and after the failure, each at most so many.
    """
    at = (await connection.execute(_failure(job.id, unit))).first()
    return FailureContext(
        seen=await _seen(connection, job.tenant, fingerprint),
        retries=await _retries(connection, job.id),
        failed_at=at and at.at,
        events=await _events(connection, job.id, at and tuple(at)[:-1], around),
    )


async def _seen(connection: AsyncConnection, tenant: str, fingerprint: str | None) -> Seen | None:
    if fingerprint is None:
        return None
    given = {"tenant": tenant, "fingerprint": fingerprint, "most": MOST_COUNTED}
    return Seen(*(await connection.execute(_SEEN, given)).one())


async def _retries(connection: AsyncConnection, job_id: str) -> list[JournalEvent]:
    newest = (
        select(_ROW)
        .where(*_of_job(job_id), journal.c.type == JournalType.JOB_RETRY_REQUESTED.value)
        .order_by(*(column.desc() for column in _POSITION))
        .limit(_MOST_RETRIES)
    )
    return [JournalEvent.model_validate_json(row) for row in await connection.scalars(newest)][::-1]


def _of_job(job_id: str) -> list[ColumnElement[bool]]:
    """The rows of a job. Partitions of the months before it began need not be looked into."""
    begun = select(func.min(runs.c.started_at)).where(runs.c.job_id == job_id).scalar_subquery()
    earliest = func.coalesce(begun, literal_column("'-infinity'::timestamptz"))
    return [journal.c.job_id == job_id, journal.c.run_started_at >= earliest]


def _failure(job_id: str, unit: UnitId | None) -> Select[datetime, str, int, int, datetime]:
    """Where the journal tells the failure: the last row about it."""
    types = [type_.value for type_ in (_JOB_FAILED if unit is None else _UNIT_FAILED)]
    wanted = [*_of_job(job_id), is_one_of(journal.c.type, types)]
    if unit is not None:
        item, undo = journal.c.data["item"].as_string(), journal.c.data["compensation"].as_string()
        wanted.append(journal.c.step_id == unit.step)
        wanted.append(item.is_(None) if unit.index is None else item == str(unit.index))
        wanted.append(undo == "true" if unit.compensates else undo.is_(None))
    order = [column.desc() for column in _POSITION]
    return select(*_POSITION, journal.c.at).where(*wanted).order_by(*order).limit(1)


async def _events(
    connection: AsyncConnection, job_id: str, position: Sequence[object] | None, around: int
) -> list[JournalRow]:
    """The rows around a place in the journal, numbered; around its end, where there is none."""
    of_job = select(_ROW).where(*_of_job(job_id))
    here = None if position is None else tuple_(*position)
    until = of_job if here is None else of_job.where(tuple_(*_POSITION) <= here)
    newest_first = until.order_by(*(column.desc() for column in _POSITION)).limit(around + 1)
    rows = [JournalEvent.model_validate_json(row) for row in await connection.scalars(newest_first)][::-1]
    if not rows:
        return []
    first = rows[0]
    start = tuple_(first.run_started_at, first.run_id, first.event_id, first.ordinal)
    counted = select(func.count()).select_from(journal)
    before = await connection.scalar(counted.where(*_of_job(job_id), tuple_(*_POSITION) < start))
    if here is not None:
        after = of_job.where(tuple_(*_POSITION) > here).order_by(*_POSITION).limit(around)
        rows += [JournalEvent.model_validate_json(row) for row in await connection.scalars(after)]
    return [JournalRow.model_construct(**dict(row), seq=seq) for seq, row in enumerate(rows, (before or 0) + 1)]
