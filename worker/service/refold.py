"""Brings the folds of one job up to date with its histories. Used by the projector."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.state import JobStatus
from perdure.projection import fold, live, reader
from perdure.projection.backoff import backing_off
from perdure.projection.history import HistoryEvent
from perdure.projection.record import JournalEvent, LiveObservation
from perdure.projection.writer import ItemSource, Projection, RunProjection
from perdure.store.run import get_runs
from perdure.store.session import transaction
from worker.service.fold_cache import FoldCache, RunFold

_TASK_RUNS = frozenset({"WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_TIMED_OUT"})
"""A history that ends so goes on in a moment: a worker has the task, or has it again."""
_SAYS_NOTHING = frozenset({JobStatus.TERMINATED, JobStatus.CANCELED, JobStatus.TIMED_OUT})
"""Ends after which open steps leave no event: what was live is read once more."""
_FIXED_SIZE, _TIMES_TEXT = 8_000, 4
_ITEM_SIZE = 1_500
"""Of an item of a fan-out, without its output: the list of those is the step's."""
_JUST_BEGUN = timedelta(seconds=60)
_BREATH = 200
"""Events folded before others get a turn in the event loop."""


@dataclass(slots=True)
class Refold:
    """What became of a job's folds. They go back to the cache once the projection is written."""

    job_id: str
    folds: dict[str, RunFold] = field(default_factory=dict)
    journal: list[JournalEvent] = field(default_factory=list)
    observations: list[LiveObservation] = field(default_factory=list)
    last_event_at: datetime | None = None
    unseen_since: datetime | None = None
    moved: bool = False
    """Whether there were new events."""
    settled: bool = True
    """Whether no workflow task was in the making."""

    def projection(self) -> Projection | None:
        """What there is to write; None if that is nothing.

        Raises:
            ValueError: what was folded is no job.
        """
        begun = [run for run in self.folds.values() if run.state.last_event_id]
        if not begun or not (self.moved or self.observations):
            return None
        runs = [_projection(run) for run in begun]
        return Projection(self.job_id, runs, self.journal, self.observations, self.last_event_at, self.unseen_since)

    def keep(self, cache: FoldCache, written: Projection | None) -> None:
        """Give the folds of open runs back to the cache, now that `written` is stored."""
        for entry in written.runs if written else ():
            self.folds[entry.record.run_id].base = entry.record
            fold.settle(self.folds[entry.record.run_id].state)
        for run_id, run in self.folds.items():
            if run.closed:
                cache.finish(run_id)
            elif run.state.last_event_id:
                cache.put(run, _size(run))


def _projection(run: RunFold) -> RunProjection:
    state = run.state
    items = ItemSource.of(state) if state.touched else None
    return RunProjection(fold.record(state), run.closed, state.continued_from, run.base, items)


def _unseen_since(events: Sequence[HistoryEvent], *, new: bool) -> datetime:
    """When the oldest event happened that is not stored yet."""
    # How far a run is stored that is folded anew nobody knows here: if it just began, not at all.
    stored = new and events[-1].at - events[0].at > _JUST_BEGUN
    return events[-1].at if stored else events[0].at


def _size(run: RunFold) -> int:
    """Bytes in memory, roughly: the payloads make them, and Python keeps a JSON value in some times its text."""
    items = sum(len(step.items) for step in run.state.steps.values())
    return _FIXED_SIZE + items * _ITEM_SIZE + _TIMES_TEXT * (len(run.base.model_dump_json()) if run.base else 0)


class Refolder:
    """Reads what is new of a job and folds it. A run it does not know yet is folded from its first event."""

    def __init__(self, client: Client, engine: AsyncEngine, cache: FoldCache) -> None:
        self._client = client
        self._engine = engine
        self._cache = cache

    async def refold(
        self, job_id: str, run_ids: Collection[str | None], observed: Collection[str | None] = ()
    ) -> Refold:
        """The job's runs `run_ids` (None: the current one) and all they lead to, folded.

        Args:
            job_id: the job.
            run_ids: runs whose histories may have grown.
            observed: those of them whose open steps are to be looked at, too.

        Raises:
            RPCError: Temporal is away.
            StoreUnavailableError: Postgres is away.
        """
        found = Refold(job_id)
        pending = list(run_ids)
        look_at = set(observed)
        while pending:
            named = pending.pop()
            run_id = named or await self._current(job_id)
            if run_id is None or run_id in found.folds or self._cache.is_finished(run_id):
                continue
            pending += await self._advance(found, run_id)
            self._see(found, run_id, backing_off(found.folds[run_id].state, datetime.now(UTC)))
            if named in look_at:
                await self._observe(found, run_id)
        return found

    async def _advance(self, found: Refold, run_id: str) -> list[str | None]:
        """Fold what is new of a run. Returns the runs that have to be looked at because of it."""
        run = self._cache.take(run_id) or RunFold(fold.start(found.job_id, run_id))
        new = run.state.last_event_id == 0
        events = await self._read(found.job_id, run_id, run.state.last_event_id)
        found.folds[run_id] = run
        if not events:
            return []
        found.moved, found.last_event_at = True, events[-1].at
        since = _unseen_since(events, new=new)
        found.unseen_since = min(found.unseen_since or since, since)
        found.settled = found.settled and events[-1].type not in _TASK_RUNS
        was_open = await self._apply(found, run, events)
        if was_open and run.state.closed in _SAYS_NOTHING:
            await self._observe(found, run_id)
        return await self._related(run, new=new)

    async def _apply(self, found: Refold, run: RunFold, events: list[HistoryEvent]) -> bool:
        """Apply the events. Returns whether steps were open before the last one."""
        was_open = False
        for number, event in enumerate(events, 1):
            was_open = bool(run.state.activities)
            found.journal += fold.apply(run.state, event)
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        return was_open

    async def _related(self, run: RunFold, *, new: bool) -> list[str | None]:
        """The run this one continues, unless that is known to be done; the next one; and what a reset made."""
        related: list[str | None] = []
        before = run.state.continued_from
        if new and before and not await self._done(before):
            related.append(before)
        if run.state.continued_to:
            related.append(run.state.continued_to)
        if run.state.closed is JobStatus.TERMINATED:
            related.append(None)
        return related

    async def _done(self, run_id: str) -> bool:
        if self._cache.is_finished(run_id):
            return True
        async with transaction(self._engine) as connection:
            stored = (await get_runs(connection, [run_id])).get(run_id)
        return stored is not None and stored.closed

    async def _observe(self, found: Refold, run_id: str) -> None:
        self._see(found, run_id, await self._look(found.job_id, run_id))

    def _see(self, found: Refold, run_id: str, observed: Sequence[LiveObservation]) -> None:
        """Take up what is new of it."""
        run = found.folds[run_id]
        for seen in observed:
            key = (seen.step_id, seen.round)
            known = run.seen.get(key)
            if known is None or known.model_copy(update={"observed_at": seen.observed_at}) != seen:
                run.seen[key] = seen
                found.observations.append(seen)

    async def _read(self, job_id: str, run_id: str, after: int) -> list[HistoryEvent]:
        try:
            return await reader.read_new(self._client, job_id, run_id, after)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return []
            raise

    async def _look(self, job_id: str, run_id: str) -> list[LiveObservation]:
        try:
            return await live.observe(self._client, job_id, run_id, datetime.now(UTC))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return []
            raise

    async def _current(self, job_id: str) -> str | None:
        try:
            found = await reader.describe(self._client, job_id)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return found.workflow_execution_info.execution.run_id
