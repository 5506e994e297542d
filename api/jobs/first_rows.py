"""Gives jobs their first row where no projector does so soon; for submissions, which do not wait for it."""

import asyncio
import time
from collections import deque

import structlog
from sqlalchemy.exc import DBAPIError

from api.store import Store
from perdure.projection.first_row import write_first_rows
from perdure.projection.record import JobRecord
from perdure.store.session import StoreUnavailableError

_log = structlog.get_logger("perdure.api")
_WAIT = 0.5
"""Seconds a worker has to take a job up; most have their row by then."""
_BATCH, _MOST = 200, 500


class FirstRows:
    """One an API process. What is lost here, with the process or Postgres, the sweep brings."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[float, JobRecord]] = deque(maxlen=_MOST)
        self._writer: asyncio.Task[None] | None = None

    def add(self, job: JobRecord) -> None:
        """The job was just started."""
        self._waiting.append((time.monotonic() + _WAIT, job))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """End, with the requests done."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(max(_WAIT / 4, self._waiting[0][0] - time.monotonic()))
                await self._write_batch()
        finally:
            self._writer = None

    async def _write_batch(self) -> None:
        due = time.monotonic()
        batch: list[JobRecord] = []
        while self._waiting and self._waiting[0][0] <= due and len(batch) < _BATCH:
            batch.append(self._waiting.popleft()[1])
        try:
            async with self._store.transaction() as connection:
                await write_first_rows(connection, batch)
        except (StoreUnavailableError, DBAPIError) as error:
            _log.warning("first rows are left to the projector", jobs=len(batch), reason=type(error).__name__)
