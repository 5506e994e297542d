"""What every service shares: one task, run until it is told to stop, and pauses that grow."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from asyncpg import PostgresError
from temporalio.service import RPCError

from perdure.contract.error import PerdureError

_log = structlog.get_logger("worker.service")


class Background:
    """One task that calls `work` again and again; what `work` raises is logged and only delays it.

    Args:
        name: for the log.
        work: one round; it does its own waiting by `pause`.
        first_delay, longest_delay: seconds between rounds that fail one after the other.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        first_delay: float = 0.25,
        longest_delay: float = 5.0,
    ) -> None:
        self._name = name
        self._work = work
        self._delays = (first_delay, longest_delay)
        self._failures = 0
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    @property
    def started(self) -> bool:
        """Whether `start` was called and `stop` was not."""
        return self._task is not None

    @property
    def failures(self) -> int:
        """How many rounds failed one after the other, up to now."""
        return self._failures

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self, grace: float = 2.0) -> None:
        """Let the round that runs end, for at most `grace` seconds."""
        self._stopping.set()
        task, self._task = self._task, None
        if task is None:
            return
        await asyncio.wait([task], timeout=grace)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def pause(self, seconds: float) -> None:
        """Wait that long, or until the service stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def either(self, event: asyncio.Event) -> None:
        """Wait for `event`, or until the service stops."""
        waits = [asyncio.ensure_future(wait) for wait in (event.wait(), self._stopping.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _run(self) -> None:
        while not self.stopping:
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - a service goes on
                await self._failed(error)
            else:
                self._recovered()

    async def _failed(self, error: Exception) -> None:
        if not self._failures:
            away = isinstance(error, (PerdureError, OSError, RPCError, PostgresError))
            _log.warning(
                "fails and tries again", part=self._name, problem=repr(error), exc_info=None if away else error
            )
        first, longest = self._delays
        delay = min(longest, first * 2 ** min(self._failures, 20))
        self._failures += 1
        await self.pause(delay)

    def _recovered(self) -> None:
        if self._failures:
            _log.info("works again", part=self._name, failures=self._failures)
        self._failures = 0
