"""The sweep: finds, by comparing visibility with the tables, what no mark told of (architecture 6).

Five looks, each as often as it is cheap: runs that were ended from outside (every interval), activities
that somebody paused in Temporal (`held_every`), whatever started or closed since the watermark (`deep_every`),
workflows that are stuck (as often), and every running one (`full_every`, at the start, after Postgres was away
and after marks were lost). What it finds it marks; the projector does the rest.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.state import JobStatus
from perdure.store.run import StoredRun, get_runs
from perdure.store.session import StoreUnavailableError, transaction
from perdure.store.sweep import count_ended, get_watermark, set_problems, set_watermark
from worker.mark import Mark, MarkSet
from worker.service.background import Background
from worker.service.held import HeldJobs
from worker.service.leader import Leader
from worker.service.visibility import Execution, Visibility

_log = structlog.get_logger("worker.sweep")
_FRESH = 5.0
"""Seconds in which a projector gets there by itself."""
_SETTLED = timedelta(seconds=10)
"""After which both visibility and the tables have a job's end, if all goes well: fresher ones are for the next look."""
_CONTINUED = "ContinuedAsNew"
_DEEP_SHARE, _DEEP_LONGEST = 0.02, 60.0
"""The share of the time that looks over the last minute may take, unless that puts them off for longer than this."""
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """Seconds. `overlap`: visibility lags behind; `patience`: how long something behind holds the watermark."""

    interval: float = 1.0
    held_every: float = 5.0
    deep_every: float = 15.0
    full_every: float = 180.0
    overlap: float = 60.0
    outside_overlap: float = 20.0
    patience: float = 900.0


class Sweep:
    """Sweeps while `leader` leads."""

    def __init__(
        self,
        client: Client,
        engine: AsyncEngine,
        marks: MarkSet,
        leader: Leader,
        config: SweepConfig | None = None,
    ) -> None:
        self._visibility = Visibility(client)
        self._engine = engine
        self._marks = marks
        self._leader = leader
        self._config = config or SweepConfig()
        self._background = Background("sweep", self._round)
        self._held = HeldJobs(marks)
        self._due = {"held": 0.0, "deep": 0.0, "stuck": 0.0, "full": 0.0}
        self._thorough = True

    async def start(self) -> None:
        """Begin to sweep whenever this process leads."""
        self._background.start()

    async def stop(self) -> None:
        """End; what was marked stays marked."""
        await self._background.stop()

    async def _round(self) -> None:
        await self._background.pause(self._config.interval)
        if not self._leader.leading:
            self._be_thorough()
        elif not self._background.stopping:
            await self._sweep()

    async def _sweep(self) -> None:
        busy = self._visibility.busy
        try:
            await self._look()
        except StoreUnavailableError:
            self._be_thorough()
            raise
        # Visibility is slow where much happens: never ask it for more than a fifth of the time.
        await self._background.pause(4 * (self._visibility.busy - busy))

    async def _look(self) -> None:
        if self._marks.take_overflowed():
            self._be_thorough()
        await self._outside()
        if time.monotonic() >= self._due["held"]:
            self._held.compare(await self._visibility.held())
            self._due["held"] = time.monotonic() + self._config.held_every
        if time.monotonic() >= self._due["deep"]:
            busy = self._visibility.busy
            await self._deep()
            self._due["deep"] = time.monotonic() + self._until_deep(self._visibility.busy - busy)
        if time.monotonic() >= self._due["stuck"]:
            await self._stuck()
            self._due["stuck"] = time.monotonic() + self._config.deep_every
        if time.monotonic() >= self._due["full"]:
            await self._compare(self._visibility.running(), thorough=self._thorough)
            self._thorough = False
            self._due["full"] = time.monotonic() + self._config.full_every

    def _until_deep(self, spent: float) -> float:
        """Where much happens the list of the last minute is long, and all but nothing on it is news."""
        return max(self._config.deep_every, min(_DEEP_LONGEST, spent / _DEEP_SHARE))

    def _be_thorough(self) -> None:
        self._thorough = True
        self._due = dict.fromkeys(self._due, 0.0)

    async def _outside(self) -> None:
        since = datetime.now(UTC) - timedelta(seconds=self._config.outside_overlap)
        await self._compare(self._visibility.ended_from_outside_since(since))

    async def _deep(self) -> None:
        begun = datetime.now(UTC)
        async with transaction(self._engine) as connection:
            watermark = await get_watermark(connection) or _BEGINNING
        since = watermark - timedelta(seconds=self._config.overlap)
        behind = await self._closed_between(since, begun if self._thorough else begun - _SETTLED)
        behind += await self._compare(self._visibility.started_since(since))
        # What is behind is looked for again next time, but nothing holds the watermark for ever.
        patience = begun - timedelta(seconds=self._config.patience)
        reached = max(patience, min((execution.at for execution in behind), default=begun))
        async with transaction(self._engine) as connection:
            await set_watermark(connection, max(watermark, min(begun, reached)))

    async def _closed_between(self, since: datetime, until: datetime) -> list[Execution]:
        """What closed then and is behind: nothing, if as many ended in the tables. Later ends are for the next look.

        To list a run costs Temporal half a millisecond, to count it next to nothing.
        """
        if until <= since:
            return []
        closed = await self._visibility.count_closed(since, until)
        async with transaction(self._engine) as connection:
            known = await count_ended(connection, since, until)
        if sum(closed.values()) - closed.get(_CONTINUED, 0) == known:
            return []
        return await self._compare(self._visibility.closed_between(since, until))

    async def _stuck(self) -> None:
        stuck = [execution async for page in self._visibility.stuck() for execution in page]
        async with transaction(self._engine) as connection:
            await set_problems(connection, {execution.job_id: _problem(execution) for execution in stuck})

    async def _compare(self, pages: AsyncIterator[list[Execution]], *, thorough: bool = False) -> list[Execution]:
        """Mark what is behind in the tables, and return it. Thorough: also what only may be."""
        behind: list[Execution] = []
        async for page in pages:
            if not page:
                continue
            async with transaction(self._engine) as connection:
                stored = await get_runs(connection, [execution.run_id for execution in page])
            for execution in page:
                known = stored.get(execution.run_id)
                if _is_behind(execution, known):
                    behind.append(execution)
                    self._marks.put(
                        Mark(execution.job_id, execution.run_id, urgent=not execution.running, missing=True)
                    )
                elif thorough and _may_be_behind(execution):
                    self._marks.put(Mark(execution.job_id, execution.run_id))
        _say(behind)
        return behind


def _say(behind: list[Execution]) -> None:
    fresh = datetime.now(UTC) - timedelta(seconds=_FRESH)
    late = [execution for execution in behind if execution.at < fresh]
    if late:
        _log.info("runs found behind", runs=len(late), job_id=late[0].job_id)


def _is_behind(execution: Execution, stored: StoredRun | None) -> bool:
    if stored is None:
        return True
    if not execution.running:
        return not stored.closed or stored.last_event_id < execution.length
    parked = stored.status == JobStatus.DEAD_LETTERED
    return stored.note_count < execution.notes or (execution.dead_lettered and not parked)


def _may_be_behind(execution: Execution) -> bool:
    """Whether the run can move without a note: not while it is parked."""
    return execution.running and not execution.dead_lettered


def _problem(execution: Execution) -> str:
    told = ", ".join(problem.partition("=")[2] or problem for problem in execution.problems)
    return f"Temporal reports that the workflow is stuck: {told}"
