"""Gives jobs their first row where no projector does so soon; for submissions, which do not wait for it."""

import asyncio
import math
import time
from collections import deque
from contextlib import suppress

import structlog
from sqlalchemy.exc import DBAPIError

from api.background_writer import BackgroundWriter
from api.store import Store
from perdure.projection.first_row import write_first_rows
from perdure.projection.record import JobRecord
from perdure.store.session import StoreUnavailableError

_log = structlog.get_logger("perdure.api")
_WAIT = 0.5
"""Seconds a worker has to take a job up; most have their row by then."""
_LAST_SECONDS = 2.0
"""For those that wait when the API ends."""
_BATCH, _MOST = 200, 500


class FirstRows:
    """One an API process. What is lost here, with the process or Postgres, the sweep brings."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[tuple[float, JobRecord]] = deque(maxlen=_MOST)
        self._ending = asyncio.Event()
        self._writer = BackgroundWriter("first rows", lambda: bool(self._waiting), self._write)

    def add(self, job: JobRecord) -> None:
        """The job was just started."""
        self._waiting.append((time.monotonic() + _WAIT, job))
        self._writer.begin()

    async def close(self) -> None:
        """Write those that wait yet, if that is possible now; with the requests done."""
        self._ending.set()
        await self._writer.close(_LAST_SECONDS)

    async def _write(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(_WAIT / 4, self._waiting[0][0] - time.monotonic())):
                await self._ending.wait()
        batch = self._due()
        if not batch:  # a timer may be a moment early
            return
        try:
            async with self._store.transaction() as connection:
                await write_first_rows(connection, batch)
        except (StoreUnavailableError, DBAPIError) as error:
            _log.warning("first rows are left to the projector", jobs=len(batch), reason=type(error).__name__)

    def _due(self) -> list[JobRecord]:
        until = math.inf if self._ending.is_set() else time.monotonic()
        batch: list[JobRecord] = []
        while self._waiting and self._waiting[0][0] <= until and len(batch) < _BATCH:
            batch.append(self._waiting.popleft()[1])
        return batch
