"""Tells Postgres what this worker has counted of jobs that ended; each worker does, and the leader compares.

Counters live in a process. So that they can be compared after it is gone each worker writes down its own, under a
name of its own; one that stops says so with its last numbers, one that is killed does not, and is known by that.
"""

import os
import socket
from datetime import UTC, datetime
from uuid import uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.store.ended_count import tell_counts
from perdure.store.session import transaction
from worker.service.background import Background
from worker.service.tally import Tally

_log = structlog.get_logger("worker.counting")


class Counting:
    """Tells the tally every `interval` seconds. To be stopped after the projector, which counts to the last.

    Args:
        engine: the worker's.
        tally: what this worker counts.
        interval: seconds.
    """

    def __init__(self, engine: AsyncEngine, tally: Tally, interval: float = 15.0) -> None:
        self._engine = engine
        self._tally = tally
        self._interval = interval
        self._worker = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:12]}"
        self._started_at = datetime.now(UTC)
        self._background = Background("counting", self._round, longest_delay=30.0)

    async def start(self) -> None:
        """Begin."""
        self._background.start()

    async def stop(self) -> None:
        """Tell the last numbers and end."""
        well = self._background.started and not self._background.failures
        await self._background.stop()
        if well:
            try:
                await self._tell(last=True)
            except Exception as error:  # noqa: BLE001 - it counts as vanished
                _log.warning("the last counts could not be told", problem=repr(error))

    async def _round(self) -> None:
        await self._tell(last=False)
        await self._background.pause(self._interval)

    async def _tell(self, *, last: bool) -> None:
        counts = self._tally.changed()
        async with transaction(self._engine) as connection:
            await tell_counts(connection, self._worker, self._started_at, counts, last=last)
        self._tally.told(counts)
