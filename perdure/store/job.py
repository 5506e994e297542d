"""A job as the API shows it: the projection's rows, with what is live laid over them. Used by the API.

`job_search` has the lists.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, Text, cast, func, literal, literal_column, null, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.projection.overlay import overlay
from perdure.projection.record import JobRecord, StepRecord
from perdure.store.attempt import attempts_of, with_attempts
from perdure.store.json_row import as_text, dumps, json_object
from perdure.store.live import newest_observations
from perdure.store.table import LIVE_FIELDS, jobs, steps


class StoredJob(JobRecord):
    """A job as stored. `lag_ms`: how long the oldest event of its last write had to wait for it; null if unknown."""

    projected_at: datetime
    lag_ms: int | None = None
    problem: str | None = None
    """What Temporal says of a workflow that is stuck; part of `status_reason` as it is shown."""


_LARGE = frozenset({"input", "output"})
_RECORD_COLUMNS = [name for name in StoredJob.model_fields if name in jobs.c]
LISTED_COLUMNS = [name for name in _RECORD_COLUMNS if name not in _LARGE]
"""What a job in a list is made of: neither steps nor input and output."""
_STEP_COLUMNS = [name for name in StepRecord.model_fields if name in steps.c]


async def get_job(connection: AsyncConnection, job_id: str, tenant: str | None) -> StoredJob | None:
    """The job with its steps, attempts and what is live; None where there is none in `tenant` (None: any)."""
    job = await _overlaid(connection, job_id, tenant)
    return job and with_problem(job)


async def show_live(connection: AsyncConnection, job_id: str) -> None:
    """Let lists show what is live of a job whose row is further on than whoever saw it. Used by the writer."""
    job = await _overlaid(connection, job_id, None)
    if job is None:
        return
    shown = job.model_dump(mode="json", by_alias=True, include=set(LIVE_FIELDS))
    error = null() if job.error is None else cast(literal(dumps(shown["error"]), Text), JSON)
    await connection.execute(update(jobs).where(jobs.c.id == job_id).values(shown | {"error": error}))


async def _overlaid(connection: AsyncConnection, job_id: str, tenant: str | None) -> StoredJob | None:
    found = (await connection.execute(_job_query(job_id, tenant))).one_or_none()
    if found is None:
        return None
    job = with_attempts(StoredJob.model_validate_json(found.job), found.tried)
    observations = await newest_observations(connection, [job_id], job.observable)
    return overlay(job, observations.get(job_id, []))


def with_problem(job: StoredJob) -> StoredJob:
    """The job, its reason with what Temporal says of a workflow that is stuck."""
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
    shown: dict[str, ColumnElement[Any]] = {name: steps.c[name] for name in _STEP_COLUMNS}
    # Rows of the release before have none.
    for name, empty in (("decisions", "[]"), ("running_items", "{}")):
        shown[name] = func.coalesce(steps.c[name], literal_column(f"'{empty}'::json"))
    row = json_object(shown)
    rows = func.json_agg(aggregate_order_by(row, steps.c.position, steps.c.id))
    query = select(func.coalesce(rows, literal_column("'[]'::json"))).where(steps.c.job_id == jobs.c.id)
    return query.correlate(jobs).scalar_subquery()
