"""Decisions about one job take turns: Temporal has at most ten updates of a workflow in flight and refuses more.

The SDK would send a refused one again after a second or more; waiting here costs the time of the ones before.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

_AT_ONCE = 4
"""Of one API process; several may serve the same job."""


class Turns:
    """One an API process."""

    def __init__(self) -> None:
        self._of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, job_id: str) -> AsyncIterator[None]:
        """Held while a decision about the job is under way."""
        turns = self._of.setdefault(job_id, asyncio.Semaphore(_AT_ONCE))
        async with turns:
            yield
