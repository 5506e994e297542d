"""The projector: takes marks, reads what is new, folds it, and writes a batch of jobs in one transaction."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.projection.record import JournalEvent
from perdure.projection.writer import Projection, write
from perdure.store.health import ping
from perdure.store.session import StoreUnavailableError, transaction
from perdure.store.set_aside import set_aside
from worker.mark import MarkSet
from worker.service.background import Background
from worker.service.fold_cache import FoldCache
from worker.service.follow_up import FollowUp, JobMarks, by_job
from worker.service.refold import Refold, Refolder

_log = structlog.get_logger("worker.projector")
_FAULTS_OF_THE_JOB = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.DATA_LOSS}
)
"""Answers of Temporal that say something of one job; all others say that Temporal is away."""

_PROBLEM_LENGTH, _MOST_UNNAMED = 500, 1_000
_BUSY_SHARE, _CALMING = 4, 0.8
"""How much longer than a round jobs that go on wait, and what is left of that wait a shorter round later."""
_GATHERING_SHARE = 3
"""How much longer than a round the marks for the next one are gathered."""


@dataclass(frozen=True, slots=True)
class ProjectorConfig:
    """Seconds, jobs, runs and bytes.

    Marks are gathered for `interval`; where rounds follow each other for longer, up to `busy_interval`, for each
    round has a transaction, which costs as much as a dozen jobs in it. Jobs that go on wait longer where there is much
    to do, up to `longest`: one look then serves all that happened to a job meanwhile.
    """

    interval: float = 0.1
    busy_interval: float = 0.3
    longest: float = 0.5
    batch_jobs: int = 200
    concurrent_reads: int = 16
    kept_runs: int = 5_000
    kept_bytes: int = 256 * 1024 * 1024
    drain: float = 5.0


@dataclass(slots=True)
class ProjectorStats:
    """Counts since the start, for health and metrics."""

    jobs: int = 0
    """Times that a job was written."""
    journal_rows: int = 0
    set_aside: int = 0
    """Times that a job could not be folded or written."""


OnWritten = Callable[[Projection, Sequence[JournalEvent]], None]
"""Told of each projection that was written, and of those of its events that no projector had written before."""


def _nobody(_projection: Projection, _new: Sequence[JournalEvent]) -> None:
    """Nobody wants to know."""


class Projector:
    """Keeps the tables up with the histories of the jobs that are marked.

    `on_written` must neither block nor raise.
    """

    def __init__(
        self,
        client: Client,
        engine: AsyncEngine,
        marks: MarkSet,
        config: ProjectorConfig | None = None,
        on_written: OnWritten = _nobody,
    ) -> None:
        self._engine = engine
        self._marks = marks
        self._config = config or ProjectorConfig()
        self._reads = asyncio.Semaphore(self._config.concurrent_reads)
        self._follow_up = FollowUp(marks)
        self._background = Background("projector", self._round)
        self._marked = asyncio.Event()
        self._patience = 0.0
        self._gathering = self._config.interval
        self.cache = FoldCache(self._config.kept_runs, self._config.kept_bytes)
        self._refolder = Refolder(client, engine, self.cache)
        self.stats = ProjectorStats()
        self._on_written = on_written
        self._unnamed: deque[tuple[str, str]] = deque(maxlen=_MOST_UNNAMED)
        self._worked = time.monotonic()

    @property
    def stalled(self) -> float:
        """Seconds since all was well; 0 while rounds succeed, and while there is nothing to project."""
        return time.monotonic() - self._worked if self._background.failures and len(self._marks) else 0.0

    @property
    def set_aside(self) -> int:
        """How many jobs are left alone for now."""
        return self._follow_up.count_set_aside

    async def start(self) -> None:
        """Begin to project what is marked."""
        self._marks.bind(asyncio.get_running_loop(), self._marked.set)
        self._background.start()

    async def stop(self) -> None:
        """Project what is marked by now, if Postgres and Temporal are there, and end."""
        well = self._background.started and not self._background.failures
        await self._background.stop(self._config.drain)
        self._follow_up.cancel()
        if well:
            await self._drain()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._config.drain):
                while len(self._marks):
                    await self._project_batch()
        except Exception as error:  # noqa: BLE001 - the sweep makes up for it
            _log.warning("marks left for the sweep", marks=len(self._marks), problem=repr(error))

    async def _round(self) -> None:
        if self._background.failures:
            await ping(self._engine)
        if not len(self._marks):
            self._marked.clear()
            await self._background.either(self._marked)
            self._worked = time.monotonic()
            self._gathering, self._patience = self._config.interval, 0.0
        await self._background.pause(self._gathering)
        if not self._background.stopping:
            begun = time.monotonic()
            await self._project_batch(age=self._patience)
            self._space_out(time.monotonic() - begun)
        self._worked = time.monotonic()

    def _space_out(self, took: float) -> None:
        """How long marks are gathered, and how old those of jobs that go on get, after a round of so many seconds."""
        least, most = self._config.interval, self._config.busy_interval
        self._gathering = max(least, min(most, _GATHERING_SHARE * took))
        self._patience = min(self._config.longest, max(_BUSY_SHARE * took, _CALMING * self._patience))

    async def _project_batch(self, *, age: float = 0.0) -> None:
        history = self._marks.take(self._config.batch_jobs, age=age)
        attempts = self._marks.take_attempts(self._config.batch_jobs)
        try:
            jobs = by_job(history, attempts)
            await self._project([job for job in jobs if not self._follow_up.is_set_aside(job.job_id)])
            await self._name_set_aside()
        except BaseException:
            for mark in history:
                self._marks.put(mark)
            for mark in attempts:
                self._marks.put_attempt(mark)
            raise

    async def _project(self, jobs: Sequence[JobMarks]) -> None:
        outcomes = await asyncio.gather(*map(self._refold, jobs), return_exceptions=True)
        refolds: list[tuple[JobMarks, Refold]] = []
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, Refold):
                refolds.append((job, outcome))
            elif _is_away(outcome):
                raise outcome
            else:
                self._put_aside(job, outcome)
        await self._write(refolds)

    async def _refold(self, job: JobMarks) -> Refold:
        for mark in job.history:
            if mark.missing and mark.run_id is not None:
                self.cache.distrust(mark.run_id)
        run_ids = {mark.run_id for mark in (*job.history, *job.attempts)}
        async with self._reads:
            return await self._refolder.refold(job.job_id, run_ids, {mark.run_id for mark in job.attempts})

    async def _write(self, refolds: Sequence[tuple[JobMarks, Refold]]) -> None:
        try:
            entries = [(job, refold, refold.projection()) for job, refold in refolds]
            new = await write(self._engine, [entry for _, _, entry in entries if entry is not None])
        except Exception as error:
            if _is_away(error):
                raise
            if len(refolds) == 1:
                self._put_aside(refolds[0][0], error)
                return
            # Of one job there are no rows, or they are refused: the others are not to wait for it.
            for alone in refolds:
                await self._write([alone])
            return
        for job, refold, entry in entries:
            self._written(job, refold, entry, new)

    def _written(self, job: JobMarks, refold: Refold, entry: Projection | None, new: set[str]) -> None:
        if entry is not None:
            self._on_written(entry, [event for event in entry.events if event.key in new])
            self.stats.jobs += 1
            self.stats.journal_rows += len(entry.events)
        refold.keep(self.cache, entry)
        self._follow_up.after(job, refold)

    async def _name_set_aside(self) -> None:
        """Say in the tables which jobs were set aside, and why; whoever projects one later takes it back."""
        while self._unnamed:
            job_id, problem = self._unnamed[0]
            async with transaction(self._engine) as connection:
                await set_aside(connection, job_id, problem, datetime.now(UTC))
            self._unnamed.popleft()

    def _put_aside(self, job: JobMarks, error: BaseException) -> None:
        self.stats.set_aside += 1
        self._unnamed.append((job.job_id, f"{type(error).__name__}: {error}".splitlines()[0][:_PROBLEM_LENGTH]))
        self._follow_up.set_aside(job, error)


def _is_away(error: BaseException) -> bool:
    if isinstance(error, RPCError):
        return error.status not in _FAULTS_OF_THE_JOB
    return isinstance(error, (StoreUnavailableError, OSError, asyncio.CancelledError))
