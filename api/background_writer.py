"""A task that writes while something waits to be written; the rows that submissions leave behind go by one."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

AGAIN_SECONDS = 1.0
"""After something unexpected."""
_log = structlog.get_logger("perdure.api")


class BackgroundWriter:
    """Calls `write` until nothing is `waiting`; what it raises is logged, and it goes on with what still waits.

    Args:
        part: for the log.
        waiting: whether there is something to write.
        write: takes some of what waits and writes it; it does its own pausing.
    """

    def __init__(self, part: str, waiting: Callable[[], bool], write: Callable[[], Awaitable[None]]) -> None:
        self._part = part
        self._waiting = waiting
        self._write = write
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Something waits now."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._part)

    async def close(self, seconds: float) -> None:
        """Let what waits be written, for at most that long."""
        if self._task is not None:
            task = self._task
            await asyncio.wait([task], timeout=seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._waiting():
                try:
                    await self._write()
                except Exception:  # noqa: BLE001  what was not thought of must not end it for ever
                    _log.exception("rows are left to the projector", part=self._part)
                    await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self._task = None
