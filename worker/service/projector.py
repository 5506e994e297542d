"""The projector: takes marks, reads what is new, folds it, and writes a batch of jobs in one transaction."""

import asyncio
import logging
import time
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCStatusCode

from perdure.store.health import ping
from worker.mark import MarkSet
from worker.service.background import Background
from worker.service.fold_cache import FoldCache
from worker.service.follow_up import FollowUp
from worker.service.refold import Refolder
from worker.service.set_aside import SetAside

_log = logging.getLogger(__name__)
_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class ProjectorConfig:
    """Seconds, jobs, runs and bytes.

    Marks are gathered for `interval`; where a round takes long, for as long again, up to `longest_interval`.
    """

    interval: float = 0.1
    longest_interval: float = 0.7
    batch_jobs: int = 200
    concurrent_reads: int = 16
    kept_runs: int = 5_000
    kept_bytes: int = 256 * 1024 * 1024


@dataclass(slots=True)
class ProjectorStats:
    """Counts since the start, for health and metrics."""

    rounds: int = 0
    jobs: int = 0
    events: int = 0
    set_aside: int = 0
    """Jobs that could not be folded or written, each time it was tried."""


class Projector:
    """Keeps the tables up with the histories of the jobs that are marked."""

    def __init__(
        self, client: Client, engine: AsyncEngine, marks: MarkSet, config: ProjectorConfig | None = None
    ) -> None:
        self._engine = engine
        self._marks = marks
        self._config = config or ProjectorConfig()
        self._cache = FoldCache(self._config.kept_runs, self._config.kept_bytes)
        self._refolder = Refolder(client, engine, self._cache)
        self._follow_up = FollowUp(marks)
        self._set_aside = SetAside(marks)
        self._reads = asyncio.Semaphore(self._config.concurrent_reads)
        self._background = Background("projector", self._round)
        self._marked = asyncio.Event()
        self._took = 0.0
        self.stats = ProjectorStats()

    @property
    def cache(self) -> FoldCache:
        """What is kept in memory."""
        return self._cache

    async def start(self) -> None:
        """Begin to project what is marked."""
        self._marks.bind(asyncio.get_running_loop(), self._marked.set)
        self._background.start()

    async def stop(self) -> None:
        """Project what is marked by now, if Postgres and Temporal are there, and end."""
        was_well = self._background.started and not self._background.failures
        await self._background.stop()
        self._follow_up.cancel()
        self._set_aside.cancel()
        if was_well:
            await self._drain()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(5):
                while len(self._marks):
                    await self._project_batch()
        except Exception as error:  # noqa: BLE001 - the sweep makes up for it
            _log.info("projector: %d marks were left at the end: %s", len(self._marks), error)

    async def _round(self) -> None:
        if self._background.failures:
            await ping(self._engine)
        if not len(self._marks):
            self._marked.clear()
            await self._background.either(self._marked)
        await self._background.pause(min(self._config.longest_interval, max(self._config.interval, self._took)))
        if not self._background.stopping:
            begun = time.monotonic()
            await self._project_batch()
            self._took = time.monotonic() - begun

    async def _project_batch(self) -> None:
        limit = self._config.batch_jobs
        history, attempts = self._marks.take(limit), self._marks.take_attempts(limit)
        try:
            jobs = [job for job in by_job(history, attempts) if not self._follow_up.is_set_aside(job.job_id)]
            await self._project(jobs)
        except BaseException:
            for mark in history:
                self._marks.put(mark)
            for mark in attempts:
                self._marks.put_attempt(mark)
            raise
        self.stats.rounds += 1

    async def _project(self, jobs: Sequence[JobMarks]) -> None:
        refolds = await asyncio.gather(*map(self._refold, jobs))
        found = [(job, refold) for job, refold in zip(jobs, refolds, strict=True) if refold is not None]
        if any(isinstance(refold, Exception) for _, refold in found):
            raise next(refold for _, refold in found if isinstance(refold, Exception))
