"""Keeps the histories of closed runs before Temporal forgets them, on the leading worker (docs/decisions/0021).

A run is due once it has been closed for half of the namespace's retention: the other half is time to be late in.
Nothing waits for the archiver; it rests as long as it works, unless it is late.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.projection.archive import pack, read_raw
from perdure.store.archive import Archived, get_archive_watermark, keep, kept, set_archive_watermark
from perdure.store.session import transaction
from perdure.telemetry.metric.archive import ArchiveMetrics
from worker.service.background import Background
from worker.service.leader import Leader
from worker.service.visibility import Execution, Visibility

_log = structlog.get_logger("worker.archiver")
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_OVERLAP = timedelta(minutes=5)
"""Visibility lags behind."""
_BATCH, _READS = 20, 4


@dataclass(frozen=True, slots=True)
class ArchiverConfig:
    """`interval` in seconds between rounds; shares of the retention after which a closed run is kept, and overdue."""

    interval: float = 300.0
    due: float = 0.5
    late: float = 0.75


class Archiver:
    """Archives while `leader` leads.

    Args:
        client: for the namespace's retention, the list of closed runs and their histories.
        engine: the worker's.
        leader: whether this worker leads.
        metrics: told how far it is.
        config: how often and when.
    """

    def __init__(
        self,
        client: Client,
        engine: AsyncEngine,
        leader: Leader,
        metrics: ArchiveMetrics,
        config: ArchiverConfig | None = None,
    ) -> None:
        self._client = client
        self._visibility = Visibility(client)
        self._engine = engine
        self._leader = leader
        self._metrics = metrics
        self._config = config or ArchiverConfig()
        self._background = Background("archiver", self._round, longest_delay=60.0)
        self._late = False
        self._first: datetime | None = None

    async def start(self) -> None:
        """Begin."""
        self._background.start()

    async def stop(self) -> None:
        """End; what was not kept yet is found again."""
        await self._background.stop()

    def _goes_on(self) -> bool:
        return self._leader.leading and not self._background.stopping

    async def _round(self) -> None:
        if not self._goes_on():
            self._metrics.unknown()
            await self._background.pause(1.0)
            return
        await self._archive()
        await self._background.pause(self._config.interval)

    async def _archive(self) -> None:
        retention = await self._retention()
        async with transaction(self._engine) as connection:
            reached = await get_archive_watermark(connection)
        watermark = reached or _BEGINNING
        self._late = reached is not None and datetime.now(UTC) - reached > retention * self._config.late
        until = datetime.now(UTC) - retention * self._config.due
        # What closed before there was an archive, and is gone, is nobody's fault.
        self._first = self._first or datetime.now(UTC) - retention * self._config.due
        self._metrics.at(reached or self._first, retention)
        if until <= watermark:
            return
        number = 0
        async for page in self._visibility.closed_between(watermark - _OVERLAP, until):
            for start in range(0, len(page), _BATCH):
                number += await self._keep(page[start : start + _BATCH])
                if not self._goes_on():
                    return
        async with transaction(self._engine) as connection:
            await set_archive_watermark(connection, until)
        self._metrics.at(until, retention)
        if number:
            _log.info("histories archived", runs=number, closed_until=until.isoformat(timespec="seconds"))

    async def _retention(self) -> timedelta:
        request = DescribeNamespaceRequest(namespace=self._client.namespace)
        found = await self._client.workflow_service.describe_namespace(request, retry=True)
        return found.config.workflow_execution_retention_ttl.ToTimedelta()

    async def _keep(self, executions: Sequence[Execution]) -> int:
        """Keep those that are not kept yet. Returns how many."""
        begun = time.monotonic()
        async with transaction(self._engine) as connection:
            known = await kept(connection, [execution.run_id for execution in executions])
        missing = [execution for execution in executions if execution.run_id not in known]
        if not missing:
            return 0
        gate = asyncio.Semaphore(_READS)
        found = [entry for entry in await asyncio.gather(*(self._read(gate, one) for one in missing)) if entry]
        async with transaction(self._engine) as connection:
            await keep(connection, found)
        self._metrics.kept(len(found), sum(len(entry.content) for entry in found))
        if not self._late:  # others need Temporal and Postgres more
            await self._background.pause(time.monotonic() - begun)
        return len(found)

    async def _read(self, gate: asyncio.Semaphore, execution: Execution) -> Archived | None:
        async with gate:
            try:
                history = await read_raw(self._client, execution.job_id, execution.run_id)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return None  # gone meanwhile; visibility has not noticed yet
            content, size = await asyncio.to_thread(pack, history)
        return Archived(
            run_id=execution.run_id,
            job_id=execution.job_id,
            closed_at=execution.at,
            archived_at=datetime.now(UTC),
            events=len(history.events),
            size=size,
            content=content,
        )
