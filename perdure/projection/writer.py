"""Writes what the fold yields: a batch of jobs in one transaction, never backwards. Called by the projector.

Two projectors may write the same job in any order, from any cuts of its history: a job's rows are
taken over only from further on in the histories, journal rows are unique by the event they cite, and
both work on a job one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from perdure.projection import live
from perdure.projection.record import JobRecord, JournalEvent, LiveObservation, StepRecord
from perdure.store import projected
from perdure.store.live import add_observations, newest_observations
from perdure.store.session import transaction

_TRIES = 4
_RACE_STATES = ("40001", "40P01")
"""SQLSTATEs of transactions that only have to be run again: serialization failure, deadlock."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is folded."""

    run_id: str
    started_at: datetime
    last_event_id: int
    note_count: int
    closed: bool
    status: str


@dataclass(frozen=True, slots=True)
class Projection:
    """What there is to write of one job."""

    job: JobRecord
    """As its newest run tells it."""
    runs: Sequence[RunProgress]
    events: Sequence[JournalEvent]
    observations: Sequence[LiveObservation] = ()
    base: JobRecord | None = None
    """What the caller wrote of this job last: where that is what is stored, only the difference is sent."""
    last_event_at: datetime | None = None
    """When the newest event happened, if there is a new one; for the lag."""


async def write(engine: AsyncEngine, batch: Sequence[Projection]) -> None:
    """Write a batch of different jobs, all or nothing.

    Raises:
        StoreUnavailableError: Postgres is away; nothing was written.
        sqlalchemy.exc.DBAPIError: Postgres refused a value; nothing was written.
    """
    for left in reversed(range(_TRIES)):
        try:
            async with transaction(engine) as connection:
                await _write(connection, batch)
        except DBAPIError as error:
            if not left or getattr(error.orig, "sqlstate", None) not in _RACE_STATES:
                raise
        else:
            return


async def _write(connection: AsyncConnection, batch: Sequence[Projection]) -> None:
    ids = [projection.job.id for projection in batch]
    await projected.lock_jobs(connection, ids)
    await add_observations(connection, [seen for projection in batch for seen in projection.observations])
    await projected.enter_ledger(connection, [_ledger_row(projection.job) for projection in batch])
    stored = await projected.positions(connection, ids)
    written = await projected.write_jobs(connection, await _job_rows(connection, batch))
    await _write_steps(connection, [entry for entry in batch if entry.job.id in written], stored)
    now = _now()
    await projected.write_runs(connection, [_run_row(entry, run, now) for entry in batch for run in entry.runs])
    await projected.write_journal(connection, [_data(event) for entry in batch for event in entry.events])


async def _job_rows(connection: AsyncConnection, batch: Sequence[Projection]) -> list[dict[str, Any]]:
    open_ids = [entry.job.id for entry in batch if not entry.job.status.final]
    observed = await newest_observations(connection, open_ids) if open_ids else {}
    return [_job_row(entry, live.overlay(entry.job, observed.get(entry.job.id, []))) for entry in batch]


def _job_row(entry: Projection, shown: JobRecord) -> dict[str, Any]:
    now = datetime.now(UTC)
    row = entry.job.model_dump(mode="json", by_alias=True, exclude={"steps"})
    row |= {"history_status": row["status"], "history_status_reason": row["status_reason"]}
    row |= {"status": shown.status, "status_reason": shown.status_reason, "projected_at": now.isoformat()}
    if entry.last_event_at is not None:
        row["lag_ms"] = max(0, int((now - entry.last_event_at).total_seconds() * 1000))
    return row


async def _write_steps(
    connection: AsyncConnection, batch: Sequence[Projection], stored: dict[str, projected.Position]
) -> None:
    changed = {entry.job.id: _changed_steps(entry, stored.get(entry.job.id)) for entry in batch}
    pairs = [(job_id, step) for job_id, steps in changed.items() for step in steps]
    await projected.write_steps(connection, [_step_row(job_id, step) for job_id, step in pairs])
    await projected.forget_attempts(connection, [(job_id, step.id) for job_id, step in pairs if job_id in stored])
    await projected.write_attempts(
        connection,
        [
            {**_data(attempt), "job_id": job_id, "step_id": step.id}
            for job_id, step in pairs
            for attempt in step.attempts
        ],
    )
