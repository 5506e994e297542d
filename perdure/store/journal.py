"""The journal of a job, numbered. Used by the API."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from perdure.projection.record import JournalEvent
from perdure.store.json_row import as_text, json_object
from perdure.store.table import journal, runs


class JournalRow(JournalEvent):
    """A journal event with its place in the job's journal, from 1."""

    seq: int


_ALWAYS: ColumnElement[datetime] = literal_column("'-infinity'::timestamptz")
_ORDER = (journal.c.run_started_at, journal.c.run_id, journal.c.event_id, journal.c.ordinal)


async def list_journal(connection: AsyncConnection, job_id: str, after_seq: int, limit: int) -> list[JournalRow]:
    """Rows `after_seq + 1` and on, at most `limit`. The order is the histories', never a clock's."""
    columns = {name: journal.c[name] for name in JournalEvent.model_fields}
    begun = select(func.min(runs.c.started_at)).where(runs.c.job_id == job_id).scalar_subquery()
    query = (
        select(as_text(json_object(columns)))
        # Partitions of earlier months need not be looked into.
        .where(journal.c.job_id == job_id, journal.c.run_started_at >= func.coalesce(begun, _ALWAYS))
        .order_by(*_ORDER)
        # A row's number is its place in this order, so skipping rows is skipping numbers.
        .offset(after_seq)
        .limit(limit)
    )
    rows = [JournalEvent.model_validate_json(row) for row in await connection.scalars(query)]
    return [JournalRow.model_construct(**dict(event), seq=seq) for seq, event in enumerate(rows, after_seq + 1)]
