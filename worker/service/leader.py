"""One worker leads: holds a Postgres advisory lock, and hears the API's marks. The sweep runs where it leads."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.contract.name import MARK_CHANNEL
from perdure.store.engine import dedicated
from worker.service.background import Background

_LOCK = 0x7065726475726502
"""Advisory lock: "perdure" and 2."""


@dataclass(frozen=True, slots=True)
class LeaderConfig:
    """Seconds. A leader that says nothing for `silence` loses its session, and with it the lock."""

    check: float = 1.0
    silence: float = 10.0


class Leader:
    """Leads while it holds the lock.

    The lock belongs to the session of a connection of its own. It must reach Postgres directly: behind a
    PgBouncer that pools transactions, sessions are not ours and the lock would mean nothing.

    Args:
        engine: names the database.
        on_mark: called in the event loop with each job id that the API marks, while this one leads.
    """

    def __init__(
        self, engine: AsyncEngine, on_mark: Callable[[str], object], config: LeaderConfig | None = None
    ) -> None:
        self._engine = engine
        self._on_mark = on_mark
        self._config = config or LeaderConfig()
        self._background = Background("leader", self._hold)
        self._leading = False

    @property
    def leading(self) -> bool:
        """Whether this process leads, as far as it knows."""
        return self._leading

    async def start(self) -> None:
        """Begin to try for the lock."""
        self._background.start()

    async def stop(self) -> None:
        """Let go of the lock."""
        await self._background.stop()

    async def _hold(self) -> None:
        connection = await dedicated(self._engine)
        try:
            # Not only a dead leader must make room, but also one that was stopped or cut off.
            await connection.execute(f"SET idle_session_timeout = '{self._config.silence}s'")
            await self._lead(connection)
        finally:
            self._leading = False
            connection.terminate()

    async def _lead(self, connection: asyncpg.Connection) -> None:
        while not self._background.stopping:
            async with asyncio.timeout(self._config.silence / 2):
                await self._check(connection)
            await self._background.pause(self._config.check)

    async def _check(self, connection: asyncpg.Connection) -> None:
        if self._leading:
            await connection.execute("SELECT 1")
        elif await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            await connection.add_listener(MARK_CHANNEL, self._notified)
            self._leading = True

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._on_mark(str(payload))
