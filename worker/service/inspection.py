"""Holds what is stored of jobs against what their histories say, folded from scratch. Used by the operations service.

A job that moves meanwhile is looked at again; one that goes on moving is counted and left to the projector.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.projection.archive import archived_history
from perdure.projection.history import HistoryEvent
from perdure.projection.reader import describe
from perdure.projection.record import LiveObservation
from perdure.projection.writer import Projection, write, write_in
from perdure.store import inspected
from perdure.store.inspected import Stored
from perdure.store.operation import Progress
from perdure.store.session import StoreUnavailableError, transaction
from perdure.store.shadow import Scope, differences, digest, replace, shadow
from worker.service.fold_cache import FoldCache
from worker.service.refold import Refold, Refolder

_READS = 12
_LOOKS = 3
_LOOK_AGAIN = 1.0
_FRESH = timedelta(seconds=60)
"""How long the projector may take before a row counts as missing."""
_FAULTS_OF_THE_JOB = frozenset(
    {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.DATA_LOSS}
)
_NOT_THERE = frozenset({RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT})
"""A run id that is none is refused as an argument."""
_Runs = Mapping[str, Collection[str | None]]
"""Runs by job; None is the one that is current."""


class _FromScratch(Refolder):
    """Believes nothing that is stored, and leaves what is live alone."""

    async def _done(self, run_id: str) -> bool:  # noqa: ARG002 - as declared by the base
        return False

    async def _observe(self, found: Refold, run_id: str) -> None:
        pass

    def _see(self, found: Refold, run_id: str, observed: Sequence[LiveObservation]) -> None:
        pass

    async def _read(self, job_id: str, run_id: str, after: int) -> list[HistoryEvent]:
        """From the archive where Temporal holds the history no more."""
        events = await super()._read(job_id, run_id, after)
        return events or await archived_history(self._engine, self._client.data_converter, job_id, run_id)


@dataclass(slots=True)
class _Sorted:
    """Jobs of a batch by what is to be done with them."""

    still: list[Projection] = field(default_factory=list)
    """Stored exactly as far as they are folded: to be compared."""
    late: list[tuple[Projection, str]] = field(default_factory=list)
    """Not stored, or not as far, and that for too long."""
    moving: list[Projection] = field(default_factory=list)


class Inspector:
    """Folds, compares and, if asked to, mends.

    Args:
        client: for the histories.
        engine: the worker's.
        shadows: an engine for nothing else, with one connection: temporary tables stand before the real ones there.
    """

    def __init__(self, client: Client, engine: AsyncEngine, shadows: AsyncEngine) -> None:
        self._client = client
        self._engine = engine
        self._shadows = shadows
        self._reads = asyncio.Semaphore(_READS)
        self._alone = asyncio.Lock()

    async def inspect(self, runs: _Runs, progress: Progress, *, mend: bool) -> None:
        """Look at these runs and all they lead to. What is found goes to `progress`.

        Raises:
            RPCError, StoreUnavailableError: Temporal or Postgres is away.
        """
        for look in range(_LOOKS):
            folded = await self._fold(runs, progress)
            moving = await self._compare(folded, progress, mend=mend, last=look == _LOOKS - 1)
            if not moving:
                return
            runs = {job_id: runs[job_id] for job_id in moving}
            await asyncio.sleep(_LOOK_AGAIN)

    async def look_for(self, runs: Sequence[tuple[str, str]], progress: Progress) -> None:
        """Tell which of these (job, run) pairs Temporal does not know: nothing will ever move them again.

        Raises:
            RPCError: Temporal is away.
        """
        for job_id, run_id in await self.gone(runs):
            progress.count("unknown")
            progress.tell({"kind": "UNKNOWN", "job_id": job_id, "table": "runs", "row": run_id})

    async def gone(self, runs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of these (job, run) pairs that Temporal does not know any more.

        Raises:
            RPCError: Temporal is away.
        """
        known = await asyncio.gather(*(self._is_known(*run) for run in runs))
        return [run for run, there in zip(runs, known, strict=True) if not there]

    async def _is_known(self, job_id: str, run_id: str) -> bool:
        async with self._reads:
            try:
                await describe(self._client, job_id, run_id)
            except RPCError as error:
                if error.status in _NOT_THERE:
                    return False
                raise
        return True

    async def _fold(self, runs: _Runs, progress: Progress) -> list[Projection]:
        outcomes = await asyncio.gather(*(self._one(*each) for each in runs.items()), return_exceptions=True)
        found = []
        for job_id, outcome in zip(runs, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                if _is_away(outcome):
                    raise outcome
                progress.count("unreadable")
                progress.tell({"kind": "UNREADABLE", "job_id": job_id, "problem": _said(outcome)})
            elif outcome is not None:
                found.append(outcome)
        return found

    async def _one(self, job_id: str, run_ids: Collection[str | None]) -> Projection | None:
        async with self._reads:
            refolder = _FromScratch(self._client, self._engine, FoldCache(0, 0))
            return (await refolder.refold(job_id, run_ids)).projection()

    async def _compare(self, folded: Sequence[Projection], progress: Progress, *, mend: bool, last: bool) -> list[str]:
        """Returns the jobs to look at again."""
        if not folded:
            return []
        new = await self._unknown(folded) if mend else []
        await write(self._engine, new)
        for entry in new:
            progress.tell({"kind": "MISSING", "job_id": entry.job_id})
        fresh = {entry.job_id for entry in new}
        known = [entry for entry in folded if entry.job_id not in fresh]
        async with self._alone, transaction(self._shadows) as connection:
            schema = await shadow(connection)
            await write_in(connection, known)
            stored = await inspected.stored(connection, schema, [entry.job_id for entry in folded])
            found = _sort(known, stored, mend=mend)
            drifted = await self._drift(connection, schema, found, stored, progress)
            late = [entry for entry, _ in found.late] if mend else []
            if mend and drifted:
                wrong = [entry for entry in (*found.still, *late) if entry.job_id in drifted]
                await replace(connection, schema, _scope(wrong, stored))
            right = _scope([*found.still, *late, *new], stored)
            progress.digest ^= await digest(connection, schema, right)
        done = [*found.still, *(entry for entry, _ in found.late), *new]
        progress.count("jobs", len(done))
        progress.count("runs", sum(len(entry.runs) for entry in done))
        progress.count("drifted", len(drifted) + len(new))
        progress.count("mended", len(drifted) + len(new) if mend else 0)
        progress.count("moving", len(found.moving) if last else 0)
        return [] if last else [entry.job_id for entry in found.moving]

    async def _unknown(self, folded: Sequence[Projection]) -> list[Projection]:
        """The jobs of which nothing is stored: they are written as the projector would, without a comparison."""
        async with transaction(self._engine) as connection:
            there = await inspected.known(connection, [entry.job_id for entry in folded])
        return [entry for entry in folded if entry.job_id not in there]

    @staticmethod
    async def _drift(
        connection: AsyncConnection, schema: str, found: _Sorted, stored: Stored, progress: Progress
    ) -> set[str]:
        """Tell what is wrong; the jobs that it is wrong of."""
        scope = _scope(found.still, stored)
        drifted: set[str] = set()
        for late, kind in found.late:
            drifted.add(late.job_id)
            progress.tell({"kind": kind, "job_id": late.job_id})
        for difference in await differences(connection, schema, scope):
            job_id = scope.runs.get(difference.owner, difference.owner)
            drifted.add(job_id)
            progress.count(f"rows.{difference.table}")
            place = {"table": difference.table, "row": difference.key, "columns": difference.columns}
            progress.tell({"kind": difference.kind, "job_id": job_id, **place})
        return drifted


def _is_fresh(entry: Projection) -> bool:
    return entry.last_event_at is not None and entry.last_event_at > datetime.now(UTC) - _FRESH


def _sort(folded: Sequence[Projection], stored: Stored, *, mend: bool) -> _Sorted:
    found = _Sorted()
    for entry in folded:
        steps = [_behind(run.record.last_event_id, stored.runs.get(run.record.run_id)) for run in entry.runs]
        if any(step < 0 for step in steps) or (any(steps) and not mend and _is_fresh(entry)):
            found.moving.append(entry)
        elif any(steps):
            known = any(run.record.run_id in stored.runs for run in entry.runs)
            found.late.append((entry, "BEHIND" if known else "MISSING"))
        else:
            found.still.append(entry)
    return found


def _behind(folded: int, stored: int | None) -> int:
    """How many events the row is behind the fold; negative where the fold is."""
    return folded - stored if stored is not None else folded


def _scope(entries: Sequence[Projection], stored: Stored) -> Scope:
    runs = {run.record.run_id: entry.job_id for entry in entries for run in entry.runs}
    return Scope(runs, [entry.job_id for entry in entries if _tells_the_job(entry, stored)])


def _tells_the_job(entry: Projection, stored: Stored) -> bool:
    """Whether the newest run is among those folded, and all that it continues."""
    newest = entry.job
    run_ids = {run.record.run_id for run in entry.runs}
    whole = all(run.continued_from is None or run.continued_from in run_ids for run in entry.runs)
    place = stored.jobs.get(entry.job_id)
    return whole and (place is None or place <= (newest.run_started_at, newest.run_id))


def _is_away(error: BaseException) -> bool:
    if isinstance(error, RPCError):
        return error.status not in _FAULTS_OF_THE_JOB
    return isinstance(error, (StoreUnavailableError, OSError, asyncio.CancelledError))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:500]
