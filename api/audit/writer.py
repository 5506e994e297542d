"""Writes audit entries that have no transaction of their own: views of payloads, refusals, aborts. One an API process.

Entries that come while others are being written go together. While Postgres is away they wait here, for as long as it
takes: each has its line in the log from the beginning, and what never becomes a row is counted (decision 0030).
"""

import asyncio
from contextlib import suppress

import structlog

from api.store import Store
from perdure.security.audit import AuditEntry, tell
from perdure.store.audit import add_entries
from perdure.store.engine import is_wrong_row
from perdure.store.session import StoreUnavailableError
from perdure.telemetry.metric.audit import AuditMetrics

MOST_WAITING = 10_000
"""Entries that may wait, some 10 MB."""
_TOGETHER = 200
_WAIT_SECONDS = 1.0
"""How long a request waits for its entry to be committed."""
_AGAIN_SECONDS = 1.0
_LAST_SECONDS = 2.0
"""For what still waits when the API ends."""
_log = structlog.get_logger("perdure.audit")


class AuditWriter:
    """Takes entries and writes them, each once; where Postgres breaks off in between, perhaps twice."""

    def __init__(self, store: Store, metrics: AuditMetrics) -> None:
        self._store = store
        self._metrics = metrics
        self._waiting: list[tuple[AuditEntry, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._away = False

    def add(self, entry: AuditEntry) -> asyncio.Future[None] | None:
        """Take an entry, and log it. Done once it is committed, or it is known that this takes longer.

        Returns:
            None where too many wait already: it is logged and counted as lost.
        """
        tell(entry)
        if len(self._waiting) >= MOST_WAITING:
            self._lose(1, "too many wait to be written")
            return None
        tried: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, tried))
        self._show()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return tried

    async def write(self, entry: AuditEntry) -> bool:
        """Take an entry and wait until it is committed: a second at most, and not at all while Postgres is away.

        Returns:
            False where it is lost, because too many wait already.
        """
        tried = self.add(entry)
        if tried is not None and not self._away:
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAIT_SECONDS):
                    await tried
        return tried is not None

    async def close(self) -> None:
        """End, with the requests done: what waits is written if that is possible now."""
        writer = self._writer
        if writer is not None:
            await asyncio.wait([writer], timeout=_LAST_SECONDS)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        if self._waiting:
            self._lose(len(self._waiting), "the API ended while Postgres was away")

    async def _write(self) -> None:
        try:
            while batch := self._waiting[:_TOGETHER]:
                if await self._written([entry for entry, _ in batch]):
                    del self._waiting[: len(batch)]
                    _done(batch)
                    self._show()
                else:
                    _done(self._waiting)
                    self._show()
                    await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            self._writer = None

    async def _written(self, entries: list[AuditEntry]) -> bool:
        """Write them; False where that has to wait. One that Postgres does not take does not hold up the others."""
        try:
            async with self._store.transaction() as connection:
                await add_entries(connection, entries)
        except Exception as error:  # noqa: BLE001  whatever it is, the others are to be written
            if isinstance(error, StoreUnavailableError) or not is_wrong_row(error):
                return self._wait(error)
            if len(entries) > 1:
                return all([await self._written([entry]) for entry in entries])
            self._lose(1, f"Postgres does not take it: {_first_line(error)}")
        self._away = False
        return True

    def _wait(self, error: Exception) -> bool:
        """Away, or without the table or the right to add to it: until somebody has mended that."""
        if not self._away:
            _log.warning("audit entries cannot be written now", reason=_first_line(error))
        self._away = True
        return False

    def _show(self) -> None:
        self._metrics.waiting.set(len(self._waiting) if self._away else 0)

    def _lose(self, number: int, why: str) -> None:
        self._metrics.lost.inc(number)
        _log.error("audit entries became no rows; the log has each", number=number, reason=why)


def _done(batch: list[tuple[AuditEntry, asyncio.Future[None]]]) -> None:
    for _, tried in batch:
        if not tried.done():  # its request may wait no longer
            tried.set_result(None)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
