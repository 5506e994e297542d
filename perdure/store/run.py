"""How far each run of a job is projected. Used by the projector and the sweep."""

from collections.abc import Collection
from dataclasses import dataclass, fields

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.store.json_row import is_one_of
from perdure.store.table import runs


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as far as it is projected; `status` is what its own history tells."""

    run_id: str
    job_id: str
    last_event_id: int
    note_count: int
    closed: bool
    status: str


async def get_runs(connection: AsyncConnection, run_ids: Collection[str]) -> dict[str, StoredRun]:
    """What is known of the runs; those never projected are left out."""
    columns = [runs.c[field.name] for field in fields(StoredRun)]
    query = select(*columns).where(is_one_of(runs.c.run_id, run_ids))
    found = (StoredRun(*row) for row in await connection.execute(query))
    return {run.run_id: run for run in found}
