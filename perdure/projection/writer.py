"""Writes what the fold yields: a batch of jobs in one transaction, never backwards. Called by the projector.

Two projectors may write the same job in any order, from any cuts of its histories: a row is replaced
only from further on in the histories, journal rows are unique by the event they cite, and writers
work on a job one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from perdure.contract.state import StepStatus
from perdure.projection import fold, row
from perdure.projection.overlay import overlay
from perdure.projection.record import ItemRecord, JobRecord, JournalEvent, LiveObservation, StepRecord
from perdure.store import dead_letter_row, projected
from perdure.store.item import forget_items, write_items
from perdure.store.job import show_live
from perdure.store.live import add_observations, newest_observations
from perdure.store.session import transaction

_TRIES = 4
_RACE_STATES = ("40001", "40P01")
"""SQLSTATEs of transactions that only have to be run again: serialization failure, deadlock."""


@dataclass(frozen=True, slots=True)
class ItemSource:
    """Items of a run when they are asked for: those that changed since the last write, and all that it changed."""

    changed: Callable[[], list[ItemRecord]]
    whole: Callable[[], list[ItemRecord]]

    @classmethod
    def of(cls, state: fold.FoldState) -> "ItemSource":
        """The items of a run as folded so far; `fold.settle` when they are written."""
        return cls(partial(fold.changed_items, state), partial(fold.all_items, state))


@dataclass(frozen=True, slots=True)
class RunProjection:
    """One run as folded so far. `continued_from` is the run before, where this one continues it as new."""

    record: JobRecord
    closed: bool
    continued_from: str | None = None
    base: JobRecord | None = None
    """What the caller wrote of this run last: where that is what is stored, only the difference is sent."""
    items: ItemSource | None = None
    """The items of its fan-outs; None where there are none."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What there is to write of one job: at least one run; the newest of them gives the job's row."""

    job_id: str
    runs: Sequence[RunProjection]
    events: Sequence[JournalEvent] = ()
    observations: Sequence[LiveObservation] = ()
    last_event_at: datetime | None = None
    """When the newest event happened, if there is a new one."""
    unseen_since: datetime | None = None
    """When the oldest one happened that is not stored yet, where that is known; for the lag."""

    @property
    def job(self) -> JobRecord:
        """What the newest of the runs tells the job is now."""
        newest = max((run.record for run in self.runs), key=lambda job: (job.run_started_at, job.run_id))
        # A run that does not know when the first one began takes its own start for the job's.
        created_at = min(run.record.created_at for run in self.runs)
        return newest if newest.created_at == created_at else newest.model_copy(update={"created_at": created_at})


async def write(engine: AsyncEngine, batch: Sequence[Projection]) -> set[str]:
    """Write a batch of different jobs, all or nothing. Of an empty batch Postgres hears nothing.

    Returns:
        The `JournalEvent.key` of the journal rows that were not there before: of several writers of one event
        it is among those of one.

    Raises:
        StoreUnavailableError: Postgres is away; nothing was written.
        sqlalchemy.exc.DBAPIError: Postgres refused a value; nothing was written.
    """
    if not batch:
        return set()
    for left in reversed(range(_TRIES)):
        try:
            async with transaction(engine) as connection:
                new = await write_in(connection, batch)
        except DBAPIError as error:
            if not left or getattr(error.orig, "sqlstate", None) not in _RACE_STATES:
                raise
        else:
            return new
    raise AssertionError("the last try returns or raises")


async def write_in(connection: AsyncConnection, batch: Sequence[Projection]) -> set[str]:
    """The same, within a transaction of the caller's."""
    now = datetime.now(UTC)
    await projected.lock_jobs(connection, [entry.job_id for entry in batch])
    await add_observations(connection, [seen for entry in batch for seen in entry.observations])
    await projected.enter_ledger(connection, [row.ledger_row(entry.job) for entry in batch])
    written = await projected.write_jobs(connection, await _job_rows(connection, batch, now))
    await _write_runs(connection, batch, written, now)
    for entry in batch:
        if entry.observations and entry.job_id not in written:
            await show_live(connection, entry.job_id)
    new = await projected.write_journal(
        connection, [row.journal_row(event) for entry in batch for event in entry.events]
    )
    parked = [entry.job_id for entry in batch if entry.job_id not in written or _may_be_parked(entry.job)]
    await dead_letter_row.refresh(connection, [entry.job_id for entry in batch], parked)
    ended = [entry.job for entry in batch if entry.job_id in written]
    await projected.close_ledger(connection, [row.ledger_row(job) for job in ended if job.status.final])
    return new


def _may_be_parked(job: JobRecord) -> bool:
    """Whether a unit of it may be parked, also where a pause or a cancel hides that."""
    units = (step.status is StepStatus.DEAD_LETTERED or step.compensation is not None for step in job.steps)
    return not job.status.final and any(units)


async def _job_rows(connection: AsyncConnection, batch: Sequence[Projection], now: datetime) -> list[row.Row]:
    live = [entry.job_id for entry in batch if _was_seen_live(entry.job)]
    units = {unit for entry in batch for unit in entry.job.observable}
    observed = await newest_observations(connection, live, units) if live else {}
    rows = []
    for entry in batch:
        shown = overlay(entry.job, observed.get(entry.job_id, []))
        rows.append(row.job_row(entry.job, shown, now, entry.unseen_since or entry.last_event_at))
    return rows


def _was_seen_live(job: JobRecord) -> bool:
    """Whether observations may tell more than history: of a step that was stopped it has no attempts."""
    return not job.status.final or any(step.status is StepStatus.CANCELED for step in job.steps)


async def _write_runs(
    connection: AsyncConnection, batch: Sequence[Projection], written: set[str], now: datetime
) -> None:
    all_runs = [run for entry in batch for run in entry.runs]
    stored = await projected.positions(connection, [run.record.run_id for run in all_runs])
    rows = [row.run_row(run.record, run.closed, run.continued_from, now) for run in all_runs]
    ahead = await projected.write_runs(connection, rows)
    changes = {run.record.run_id: _changed_steps(run, stored) for run in all_runs}
    current = [entry.job for entry in batch if entry.job_id in written]
    await projected.write_steps(
        connection, [row.step_row(job.id, step) for job in current for step in changes[job.run_id]]
    )
    told = [run.record for run in all_runs if run.record.run_id in ahead]
    items = await _write_items(connection, all_runs, stored)
    units = [
        (run, *unit)
        for run in told
        for changed in (*changes[run.run_id], *items.get(run.run_id, ()))
        for unit in row.tried_units(changed)
    ]
    await projected.forget_attempts(connection, [(run.run_id, unit) for run, unit, _ in units if run.run_id in stored])
    await projected.write_attempts(
        connection, [row.attempt_row(run, unit, tried) for run, unit, attempts in units for tried in attempts]
    )


async def _write_items(
    connection: AsyncConnection, all_runs: Sequence[RunProjection], stored: dict[str, int]
) -> dict[str, list[ItemRecord]]:
    """Write the items that changed; those of each run."""
    found: dict[str, list[ItemRecord]] = {}
    newest: dict[tuple[str, str, int], row.Row] = {}
    begun_again: list[tuple[str, str, str, int, bool]] = []
    for run in sorted(all_runs, key=lambda run: (run.record.run_started_at, run.record.run_id)):
        if run.items is None or stored.get(run.record.run_id, 0) > run.record.last_event_id:
            continue  # of a run that is stored further on, items may have been forgotten since
        again = [step for step in run.record.steps if step.round > 1]
        ids = run.record.id, run.record.run_id
        begun_again += [(*ids, step.id, step.round, step.items is not None) for step in again]
        changed = run.items.changed() if _is_difference(run, stored) else run.items.whole()
        found[run.record.run_id] = changed
        for item in changed:
            key = run.record.id, item.step_id, item.index
            newest[key] = row.newer_item(newest.get(key), row.item_row(run.record, item))
    await forget_items(connection, begun_again)
    await write_items(connection, list(newest.values()))
    return found


def _is_difference(run: RunProjection, stored: dict[str, int]) -> bool:
    return run.base is not None and stored.get(run.base.run_id) == run.base.last_event_id


def _changed_steps(run: RunProjection, stored: dict[str, int]) -> list[StepRecord]:
    if run.base is None or not _is_difference(run, stored):
        return run.record.steps
    before = {step.id: step for step in run.base.steps}
    return [step for step in run.record.steps if step != before.get(step.id)]
