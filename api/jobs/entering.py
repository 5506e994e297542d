"""Enters the keys of new jobs in the ledger, those of all requests of a moment in one transaction; for submissions.

A transaction costs the API 1 ms and seven round trips. While one is under way, the next ones wait and go together;
where that happens, they wait a little longer for more of them. A submission alone waits for nobody.
"""

import asyncio

from api.background_writer import BackgroundWriter
from api.store import Store
from perdure.store.ledger import LedgerEntry, enter_keys
from perdure.store.session import StoreUnavailableError

_SECONDS = 1.0
"""How long a submission waits for its entry."""
_GATHERING = 0.02
"""Seconds between two transactions where submissions come faster than they are entered."""


class KeyEntries:
    """One an API process. The projector enters keys too, so that a failure here harms nobody."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[LedgerEntry, asyncio.Future[None]]] = []
        self._writer = BackgroundWriter("ledger entries", lambda: bool(self._waiting), self._write)

    async def enter(self, entry: LedgerEntry) -> None:
        """Enter a key; one that was entered before stays as it is. The row is committed when this returns.

        Raises:
            StoreUnavailableError: Postgres is away.
            TimeoutError: it takes too long; the row may come yet.
        """
        entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, entered))
        self._writer.begin()
        async with asyncio.timeout(_SECONDS):
            await entered

    async def close(self) -> None:
        """Enter those that wait yet, if that is possible now; with the requests done."""
        await self._writer.close(_SECONDS)

    async def _write(self) -> None:
        batch, self._waiting = self._waiting, []
        await self._write_batch(batch)
        if self._waiting:
            await asyncio.sleep(_GATHERING)

    async def _write_batch(self, batch: list[tuple[LedgerEntry, asyncio.Future[None]]]) -> None:
        problem: Exception | None = None
        try:
            async with self._store.transaction() as connection:
                await enter_keys(connection, [entry for entry, _ in batch])
        except Exception as error:  # noqa: BLE001  told to all who wait
            problem = error
        for _, entered in batch:
            if entered.done():  # its request waits no longer
                continue
            if problem is None:
                entered.set_result(None)
            else:
                entered.set_exception(_of_its_own(problem))


def _of_its_own(problem: Exception) -> Exception:
    """An exception raised in several tasks would gather all their tracebacks."""
    if isinstance(problem, StoreUnavailableError):
        return StoreUnavailableError(problem.__cause__ or problem)
    return problem
