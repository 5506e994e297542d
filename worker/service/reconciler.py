"""Compares, hour by hour, how many jobs ended in Temporal, in the tables and by the workers' counters; on the leader.

A count each is cheap and sees also what nobody thought of. Where they differ the runs of the hour are held against the
tables one by one: a run that was reset since is in Temporal's count and not in ours, and no fault.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.state import JobStatus
from perdure.store.ended_count import count_vanished, counted
from perdure.store.reconciliation import (
    Counts,
    Reconciliation,
    ended_jobs,
    ended_runs,
    keep_reconciliation,
    newest_reconciliation,
)
from perdure.store.run import get_runs
from perdure.store.session import transaction
from perdure.telemetry.metric.reconciliation import ReconciliationMetrics
from worker.service.background import Background
from worker.service.leader import Leader
from worker.service.visibility import Visibility

_log = structlog.get_logger("worker.reconciler")
_OUTCOMES = {
    "Completed": JobStatus.COMPLETED,
    "Failed": JobStatus.FAILED,
    "Canceled": JobStatus.CANCELED,
    "Terminated": JobStatus.TERMINATED,
    "TimedOut": JobStatus.TIMED_OUT,
}
"""A run that continued as new is no end of its job."""
_OTHER = "other"
"""Of types that Temporal has in the hour and the tables have not."""
_MOST_TYPES = 50
_SILENCE = timedelta(minutes=2)
"""A worker tells its counts every 15 s; one that has not for so long is gone."""


@dataclass(frozen=True, slots=True)
class ReconcilerConfig:
    """`span`: what is compared at once; `settle`: how long after its end, for the sweep to have closed gaps."""

    span: timedelta = timedelta(hours=1)
    settle: timedelta = timedelta(minutes=5)
    pause: float = 30.0


class Reconciler:
    """Compares each hour once, while `leader` leads.

    Args:
        client: for visibility.
        engine: the worker's.
        leader: whether this worker leads.
        metrics: told of each hour.
        config: how much at once, and when.
    """

    def __init__(
        self,
        client: Client,
        engine: AsyncEngine,
        leader: Leader,
        metrics: ReconciliationMetrics,
        config: ReconcilerConfig | None = None,
    ) -> None:
        self._visibility = Visibility(client)
        self._engine = engine
        self._leader = leader
        self._metrics = metrics
        self._config = config or ReconcilerConfig()
        self._background = Background("reconciler", self._round, longest_delay=60.0)

    async def start(self) -> None:
        """Begin."""
        self._background.start()

    async def stop(self) -> None:
        """End; an hour that was not compared is by whoever leads next, if it is still the last one."""
        await self._background.stop()

    async def _round(self) -> None:
        if not self._leader.leading:
            await self._background.pause(1.0)
            return
        hour = self._due(datetime.now(UTC))
        async with transaction(self._engine) as connection:
            newest = await newest_reconciliation(connection)
        if newest is None or newest.hour < hour:
            newest = await self.compare(hour)
        self._tell(newest)
        await self._background.pause(self._config.pause)

    def _due(self, now: datetime) -> datetime:
        """The start of the last hour that is over and settled."""
        span = self._config.span.total_seconds()
        ended = (now - self._config.settle).timestamp() // span * span
        return datetime.fromtimestamp(ended - span, UTC)

    async def compare(self, hour: datetime) -> Reconciliation:
        """Compare what ended in the hour that begins then, and keep the outcome."""
        until = hour + self._config.span
        async with transaction(self._engine) as connection:
            projection = await ended_jobs(connection, hour, until)
            metrics = await counted(connection, hour)
            vanished = await count_vanished(connection, hour, until, _SILENCE)
        types = list(projection)[:_MOST_TYPES]
        temporal = await self._counted(hour, until, types)
        shown = None if metrics is None else _of_types(metrics, types)
        found = Reconciliation(hour, datetime.now(UTC), temporal, projection, 0, 0, shown, vanished)
        if found.difference:
            missing, extra = await self._one_by_one(hour, until)
            found = replace(found, missing=missing, extra=extra)
        if found.missing or found.extra:
            differing = [f"{type_} {outcome}: {number:+d}" for (type_, outcome), number in found.difference.items()]
            _log.warning(
                "counts differ", hour=hour.isoformat(), missing=found.missing, extra=found.extra, counts=differing
            )
        if found.miscounted:
            differing = [f"{type_} {outcome}: {number:+d}" for (type_, outcome), number in found.miscounted.items()]
            _log.warning("workers have miscounted", hour=hour.isoformat(), counts=differing)
        async with transaction(self._engine) as connection:
            await keep_reconciliation(connection, found)
        return found

    def _tell(self, found: Reconciliation) -> None:
        faulty = found.missing or found.extra
        difference = found.difference if faulty else {}
        self._metrics.compared(difference, found.hour + self._config.span, found.miscounted)

    async def _counted(self, since: datetime, until: datetime, types: Iterable[str]) -> dict[str, dict[str, int]]:
        left = Counter(await self._visibility.count_closed(since, until))
        found = {}
        for type_ in types:
            of_type = await self._visibility.count_closed(since, until, type_)
            left.subtract(of_type)
            found[type_] = _outcomes(of_type)
        found[_OTHER] = _outcomes(left)
        return {type_: counts for type_, counts in found.items() if counts}

    async def _one_by_one(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Runs that closed in Temporal and not in the tables, and jobs that ended in the tables only."""
        seen: set[str] = set()
        missing = 0
        async for page in self._visibility.closed_between(since, until):
            async with transaction(self._engine) as connection:
                stored = await get_runs(connection, [execution.run_id for execution in page])
            seen |= {execution.run_id for execution in page}
            missing += sum(
                1 for execution in page if not ((run := stored.get(execution.run_id)) is not None and run.closed)
            )
        async with transaction(self._engine) as connection:
            ended = await ended_runs(connection, since, until)
        return missing, len(ended - seen)


def _outcomes(counts: "dict[str, int] | Counter[str]") -> dict[str, int]:
    return {outcome.value: counts[name] for name, outcome in _OUTCOMES.items() if counts.get(name)}


def _of_types(metrics: Counts, types: Collection[str]) -> Counts:
    """The counters' numbers of the types that Temporal was asked for; all others together, as it was."""
    found = {type_: dict(metrics[type_]) for type_ in metrics if type_ in types}
    other: Counter[str] = Counter(found.get(_OTHER, {}))
    for type_ in metrics.keys() - set(types):
        other.update(metrics[type_])
    return found | ({_OTHER: dict(other)} if other else {})
