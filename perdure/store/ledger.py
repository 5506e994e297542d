"""The submission ledger: which keys were ever used and for what, kept longer than Temporal keeps histories.

Used by the API (submission, replay) and the projection writer, which sees to it that every job has a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.state import JobStatus
from perdure.store.json_row import insert_rows, write_rows
from perdure.store.table import ledger

_ENTER = insert_rows(ledger).on_conflict_do_nothing().returning(ledger.c.job_id)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A key that was used. `fingerprint` is null for a job that was not submitted by the API."""

    job_id: str
    fingerprint: str | None
    submitted_at: datetime
    outcome: JobStatus | None = None
    closed_at: datetime | None = None


async def get_entry(connection: AsyncConnection, job_id: str) -> LedgerEntry | None:
    """The entry of a job id, or None if it was never used."""
    row = (await connection.execute(select(ledger).where(ledger.c.job_id == job_id))).one_or_none()
    if row is None:
        return None
    outcome = None if row.outcome is None else JobStatus(row.outcome)
    return LedgerEntry(row.job_id, row.fingerprint, row.submitted_at, outcome, row.closed_at)


async def enter_keys(connection: AsyncConnection, entries: Sequence[LedgerEntry]) -> set[str]:
    """Enter keys that were used. Those that were entered before stay as they are; returns the ids of the others."""
    # In one order, so that two who enter the same keys never wait for each other.
    rows = [_row(entry) for entry in sorted(entries, key=lambda entry: entry.job_id)]
    return set(await write_rows(connection, _ENTER, rows))


async def close_entry(connection: AsyncConnection, job_id: str, outcome: JobStatus, closed_at: datetime) -> bool:
    """Set how the job ended, once. False where that was set before, or the key was never entered."""
    open_entry = (ledger.c.job_id == job_id, ledger.c.outcome.is_(None))
    values = {"outcome": outcome.value, "closed_at": closed_at}
    statement = update(ledger).where(*open_entry).values(values).returning(ledger.c.job_id)
    return (await connection.execute(statement)).first() is not None


def _row(entry: LedgerEntry) -> dict[str, str | None]:
    return {
        "job_id": entry.job_id,
        "fingerprint": entry.fingerprint,
        "submitted_at": entry.submitted_at.isoformat(),
        "outcome": entry.outcome,
        "closed_at": entry.closed_at.isoformat() if entry.closed_at else None,
    }
