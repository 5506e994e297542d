"""The requests' way to Postgres: as many at once as there are connections, the others wait; an outage is noticed once.

Without it a hundred requests at once would run into the pool's short time limit, and while Postgres hangs each
request would find that out by itself, two seconds later.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from perdure.store.session import StoreUnavailableError, transaction

WAIT_SECONDS = 10.0
"""How long a request waits for its turn."""
PAUSE_SECONDS = 1.0
"""How long requests take it that Postgres is away, once one has seen it."""


class Store:
    """Gives requests their transactions."""

    def __init__(self, engine: AsyncEngine, at_once: int) -> None:
        self.engine = engine
        self._turns = asyncio.Semaphore(at_once)
        self._away_until = 0.0
        self._cause: BaseException | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction of its own, like `perdure.store.session.transaction`.

        Raises:
            StoreUnavailableError: Postgres is away, was away a moment ago, or too many wait for it.
        """
        async with self._turn():
            self._check()
            try:
                async with transaction(self.engine) as connection:
                    yield connection
            except StoreUnavailableError as error:
                self._away_until, self._cause = time.monotonic() + PAUSE_SECONDS, error.__cause__
                raise

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self._check()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            raise StoreUnavailableError(error) from error
        try:
            yield
        finally:
            self._turns.release()

    def _check(self) -> None:
        if self._cause is not None and time.monotonic() < self._away_until:
            raise StoreUnavailableError(self._cause) from self._cause
