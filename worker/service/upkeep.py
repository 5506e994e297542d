"""Upkeep of the tables, on the leading worker: partitions made ahead, and live observations nobody reads any more."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.store.ended_count import forget_counts
from perdure.store.live import forget_observations, forget_superseded
from perdure.store.partition import Month, make_partition, missing_partitions
from perdure.store.session import transaction
from perdure.store.set_aside import forget_projected
from worker.service.background import Background
from worker.service.leader import Leader

_log = structlog.get_logger("worker.upkeep")
_SUPERSEDED = timedelta(days=1)
"""How long an observation stays that a newer one of the same step has taken the place of."""
_COMPARED = timedelta(days=7)
"""How long what workers counted of an hour stays: it was compared minutes after its end."""
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class UpkeepConfig:
    """`interval` in seconds, `months_ahead` made, `observations` kept so many days after they were made."""

    interval: float = 900.0
    months_ahead: int = 3
    observations: int = 90


class Upkeep:
    """Looks after the tables while `leader` leads."""

    def __init__(self, engine: AsyncEngine, leader: Leader, config: UpkeepConfig | None = None) -> None:
        self._engine = engine
        self._leader = leader
        self._config = config or UpkeepConfig()
        self._background = Background("upkeep", self._round, longest_delay=60.0)

    async def start(self) -> None:
        """Begin."""
        self._background.start()

    async def stop(self) -> None:
        """End; what was begun is whole or undone."""
        await self._background.stop()

    async def _round(self) -> None:
        if not self._leader.leading:
            await self._background.pause(1.0)
            return
        await self._partitions()
        await self._observations()
        async with transaction(self._engine) as connection:
            await forget_projected(connection)
            await forget_counts(connection, datetime.now(UTC) - _COMPARED)
        await self._background.pause(self._config.interval)

    async def _partitions(self) -> None:
        now = Month.of(datetime.now(UTC))
        wanted = [now.after(later) for later in range(self._config.months_ahead + 1)]
        async with transaction(self._engine) as connection:
            missing = await missing_partitions(connection, wanted)
        for table, month in missing:
            async with transaction(self._engine) as connection:
                moved = await make_partition(connection, table, month)
            _log.info("partition made", table=month.partition(table), rows_moved=moved)

    async def _observations(self) -> None:
        now = datetime.now(UTC)
        forgotten = 0
        for forget, before in (
            (forget_superseded, now - _SUPERSEDED),
            (forget_observations, now - timedelta(days=self._config.observations)),
        ):
            gone = _BATCH
            while gone == _BATCH and not self._background.stopping:
                async with transaction(self._engine) as connection:
                    gone = await forget(connection, before, _BATCH)
                forgotten += gone
        if forgotten:
            _log.info("live observations forgotten", rows=forgotten)
