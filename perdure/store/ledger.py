"""The submission ledger: which keys were ever used and for what, kept longer than Temporal keeps histories.

Used by the API (submission, replay) and the projection writer, which sees to it that every job has a row. It only
grows, by the database's own word: what a key was used for and how its job ended can be added once, never changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.contract.state import JobStatus
from perdure.store.json_row import insert_rows, write_rows
from perdure.store.table import ledger, ledger_outcomes

NOT_USED = frozenset({"outcome", "closed_at"})
_ENTER = insert_rows(ledger, leave_out=NOT_USED).on_conflict_do_nothing().returning(ledger.c.job_id)


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
    key = (ledger.c.job_id, ledger.c.fingerprint, ledger.c.submitted_at)
    both = ledger.outerjoin(ledger_outcomes, ledger.c.job_id == ledger_outcomes.c.job_id)
    query = select(*key, ledger_outcomes.c.outcome, ledger_outcomes.c.closed_at).select_from(both)
    row = (await connection.execute(query.where(ledger.c.job_id == job_id))).one_or_none()
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
    known = select(ledger.c.job_id, literal(outcome.value), literal(closed_at)).where(ledger.c.job_id == job_id)
    statement = insert(ledger_outcomes).from_select(["job_id", "outcome", "closed_at"], known)
    done = statement.on_conflict_do_nothing().returning(ledger_outcomes.c.job_id)
    return (await connection.execute(done)).first() is not None


def _row(entry: LedgerEntry) -> dict[str, str | None]:
    return {
        "job_id": entry.job_id,
        "fingerprint": entry.fingerprint,
        "submitted_at": entry.submitted_at.isoformat(),
    }
