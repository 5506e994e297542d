"""How long after its event a job's row shows it, seen from outside by asking Postgres. For `throughput`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
from sqlalchemy.engine import make_url
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

_PAUSE = 0.2
_SAMPLE = 200
_NEW = "SELECT id, run_id, last_event_id, projected_at FROM jobs WHERE projected_at > $1 ORDER BY projected_at"
_OF_NO_ROW = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
)
"""Nothing of a job's row follows from these."""


class RowWatch:
    """Notes when which job's row was written, and how far."""

    def __init__(self, database_url: str) -> None:
        self._url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._written: dict[tuple[str, str], list[tuple[int, datetime]]] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look until a moment after the block."""
        connection = await asyncpg.connect(self._url)
        last = await connection.fetchval("SELECT now()")
        task = asyncio.create_task(self._look(connection, last))
        try:
            yield
            await asyncio.sleep(1)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await connection.close()

    async def _look(self, connection: "asyncpg.Connection[asyncpg.Record]", last: datetime) -> None:
        while True:
            for job, run, event, at in await connection.fetch(_NEW, last):
                self._written.setdefault((job, run), []).append((event, at))
                last = at
            await asyncio.sleep(_PAUSE)

    async def lags(self, client: Client) -> list[float]:
        """Milliseconds from each event of some jobs to the first row with it, in order.

        Of the submission (event 1) that is the row the API writes, where it does: it says 0, for no history was read.
        """
        found = []
        for (job, run), written in list(self._written.items())[-_SAMPLE:]:
            history = await client.get_workflow_handle(job, run_id=run).fetch_history()
            found += _of(history, written)
        return sorted(found)


def _of(history: WorkflowHistory, written: list[tuple[int, datetime]]) -> list[float]:
    found = []
    for event in history.events:
        shown = [at for place, at in written if (place or 1) >= event.event_id]
        if event.event_type not in _OF_NO_ROW and shown:
            found.append((min(shown) - event.event_time.ToDatetime(tzinfo=UTC)).total_seconds() * 1000)
    return found
