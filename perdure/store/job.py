"""Jobs as the API shows them: the projection's rows, with what is live laid over them. Used by the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.state import JobStatus
from perdure.projection.overlay import overlay
from perdure.projection.record import JobRecord, StepRecord
from perdure.store import cursor as paging
from perdure.store.attempt import attempts_of, with_attempts
from perdure.store.json_row import as_text, json_object
from perdure.store.live import newest_observations
from perdure.store.table import LIVE_FIELDS, jobs, steps


class StoredJob(JobRecord):
    """A job as stored. `lag_ms`: from its last event's time to its being written; null if unknown."""

    projected_at: datetime
    lag_ms: int | None = None
    problem: str | None = None
    """What Temporal says of a workflow that is stuck; part of `status_reason` as it is shown."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list. None and empty mean any; `tenant=None` means every tenant."""

    tenant: str | None
    statuses: Sequence[JobStatus] = ()
    types: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    queue: str | None = None
    correlation_id: str | None = None
    submitted_by: str | None = None
    since: datetime | None = None
    """Created at or after."""
    until: datetime | None = None
    """Created before."""


_NOT_COLUMNS = frozenset({"steps"})
_LARGE = frozenset({"input", "output"})
_RECORD_COLUMNS = [name for name in StoredJob.model_fields if name not in _NOT_COLUMNS]
_LISTED_COLUMNS = [name for name in _RECORD_COLUMNS if name not in _LARGE]
_STEP_COLUMNS = [name for name in StepRecord.model_fields if name != "attempts"]


async def get_job(connection: AsyncConnection, job_id: str, tenant: str | None) -> StoredJob | None:
    """The job with its steps, attempts and what is live; None where there is none in `tenant` (None: any)."""
    found = (await connection.execute(_job_query(job_id, tenant))).one_or_none()
    if found is None:
        return None
    job = with_attempts(StoredJob.model_validate_json(found.job), found.tried)
    observations = await newest_observations(connection, [job_id])
    return _with_problem(overlay(job, observations.get(job_id, [])))


async def list_jobs(
    connection: AsyncConnection, wanted: JobFilter, cursor: str | None, limit: int
) -> tuple[list[StoredJob], str | None]:
    """A page of jobs, newest first, without steps, input and output; and the cursor of the next page.

    Raises:
        CursorError: `cursor` is not one that a page has given.
    """
    query = (
        select(as_text(json_object({name: jobs.c[name] for name in _LISTED_COLUMNS})))
        .where(*_conditions(wanted))
        .order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        key = paging.decode(cursor)
        query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < tuple_(*key))
    found = [_with_problem(StoredJob.model_validate_json(row)) for row in await connection.scalars(query)]
    page = found[:limit]
    more = len(found) > limit and page
    return page, paging.encode(paging.Keyset(page[-1].created_at, page[-1].id)) if more else None


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    column = jobs.c
    equal = {"tenant": wanted.tenant, "queue": wanted.queue, "correlation_id": wanted.correlation_id}
    found = [column[name] == value for name, value in equal.items() if value is not None]
    if wanted.submitted_by is not None:
        found.append(column.submitted_by == wanted.submitted_by)
    if wanted.statuses:
        found.append(column.status.in_([status.value for status in wanted.statuses]))
    if wanted.types:
        found.append(column.type.in_(wanted.types))
    if wanted.labels:
        found.append(column.labels.contains(dict(wanted.labels)))
    if wanted.since is not None:
        found.append(column.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(column.created_at < wanted.until)
    return found


def _with_problem(job: StoredJob) -> StoredJob:
    if job.problem is None:
        return job
    return job.model_copy(update={"status_reason": f"{job.status_reason} ({job.problem})"})


def _job_query(job_id: str, tenant: str | None) -> Select[str, str]:
    shown: dict[str, ColumnElement[Any]] = {name: jobs.c[name] for name in _RECORD_COLUMNS}
    shown |= {name: jobs.c.history[name] for name in LIVE_FIELDS}
    job = as_text(json_object(shown | {"steps": _steps_of_job()})).label("job")
    # In one statement, so that the attempts are those of the state the steps are in.
    query = select(job, attempts_of(job_id).label("tried")).where(jobs.c.id == job_id)
    return query if tenant is None else query.where(jobs.c.tenant == tenant)


def _steps_of_job() -> ColumnElement[Any]:
    row = json_object({name: steps.c[name] for name in _STEP_COLUMNS})
    rows = func.json_agg(aggregate_order_by(row, steps.c.position, steps.c.id))
    query = select(func.coalesce(rows, literal_column("'[]'::json"))).where(steps.c.job_id == jobs.c.id)
    return query.correlate(jobs).scalar_subquery()
