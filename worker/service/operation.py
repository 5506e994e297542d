"""Checks and rebuilds of the projection, done by the leading worker page by page.

After each page what was found is stored, so that whoever leads next goes on from there. The API only asks and
shows; jobs and the projector go on meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import islice

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from perdure.contract.identifier import tenant_of
from perdure.store.archive import archived_runs, archived_runs_of
from perdure.store.inspected import RunFilter, open_runs, runs_of
from perdure.store.operation import Operation, OperationKind, Progress, finish, save, unfinished
from perdure.store.session import transaction
from perdure.telemetry.metric.operation import OperationMetrics
from worker.service.background import Background
from worker.service.inspection import Inspector
from worker.service.leader import Leader
from worker.service.visibility import Visibility

_log = structlog.get_logger("worker.operation")
_LISTED = 600
"""Runs asked for at once: the next are listed while these are worked on."""
_BATCH, _AT_ONCE = 200, 3
"""Jobs of one transaction, whose statements cost some 20 ms for any number. Meanwhile others are read."""
_OPEN_RUNS = 500
_ARCHIVED_RUNS = 1_000
_ARCHIVE = b"archive:"
"""Begins the place where the list goes on once it is the archive's."""
_INTERVAL = 1.0
_Page = tuple[Sequence[tuple[str, str | None]], bytes | None]
"""(job, run) pairs, and where the list goes on; None: nowhere."""


class Operations:
    """Does what is asked for while `leader` leads.

    Args:
        client: for the list of all runs, and their histories.
        engine: the worker's.
        shadows: see `Inspector`.
        leader: whether this worker leads.
        metrics: told of each operation that is finished.
    """

    def __init__(
        self, client: Client, engine: AsyncEngine, shadows: AsyncEngine, leader: Leader, metrics: OperationMetrics
    ) -> None:
        self._visibility = Visibility(client)
        self._engine = engine
        self._leader = leader
        self._metrics = metrics
        self._inspector = Inspector(client, engine, shadows)
        self._background = Background("operations", self._round)

    async def start(self) -> None:
        """Begin to look for what is asked for."""
        self._background.start()

    async def stop(self) -> None:
        """End; what is under way goes on where it was stored last."""
        await self._background.stop()

    async def _round(self) -> None:
        await self._background.pause(_INTERVAL)
        if not self._goes_on():
            return
        async with transaction(self._engine) as connection:
            operation = await unfinished(connection)
        if operation is not None:
            await self._work(operation)

    def _goes_on(self) -> bool:
        return self._leader.leading and not self._background.stopping

    async def _work(self, operation: Operation) -> None:
        progress, started_at = Progress.of(operation), operation.started_at or datetime.now(UTC)
        async with transaction(self._engine) as connection:
            await save(connection, operation.id, progress, started_at=started_at)
        async with aclosing(self._pages(operation, progress.page_token)) as pages:
            async for runs, following in pages:
                await self._inspect(operation, runs, progress)
                if following is None:
                    await self._look_for_open_runs(operation, progress)
                if not self._goes_on():
                    return
                progress.page_token = following
                async with transaction(self._engine) as connection:
                    await save(connection, operation.id, progress, started_at=started_at)
                    if following is None:
                        await finish(connection, operation.id, datetime.now(UTC))
        self._finished(operation, progress, started_at)

    async def _pages(self, operation: Operation, token: bytes | None) -> AsyncGenerator[_Page, None]:
        """The pages, each asked for while the one before is worked on."""
        coming = _in_the_meantime(self._page(operation, token))
        try:
            while True:
                page = await coming
                if page[1] is not None:
                    coming = _in_the_meantime(self._page(operation, page[1]))
                yield page
                if page[1] is None:
                    return
        finally:
            coming.cancel()

    async def _look_for_open_runs(self, operation: Operation, progress: Progress) -> None:
        """The list has only what Temporal knows: also ask for what the tables say is running."""
        wanted = RunFilter(operation.requested_at, operation.tenant, operation.job_ids)
        after = ""
        while self._goes_on():
            async with transaction(self._engine) as connection:
                found = await open_runs(connection, wanted, after, _OPEN_RUNS)
            await self._inspector.look_for(found, progress)
            if len(found) < _OPEN_RUNS:
                return
            after = found[-1][1]

    async def _inspect(self, operation: Operation, runs: Sequence[tuple[str, str | None]], progress: Progress) -> None:
        """Batch by batch, some at once: while one is compared another is read."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(batch: Mapping[str, list[str | None]]) -> None:
            async with gate:
                if self._goes_on():
                    await self._inspector.inspect(batch, progress, mend=operation.kind is OperationKind.REBUILD)

        outcomes = await asyncio.gather(*map(one, _batches(runs)), return_exceptions=True)
        for problem in outcomes:
            if problem is not None:
                raise problem

    async def _page(self, operation: Operation, token: bytes | None) -> _Page:
        """The next (job, run) pairs, and where the list goes on."""
        if operation.job_ids is not None:
            async with transaction(self._engine) as connection:
                stored: list[tuple[str, str | None]] = list(await runs_of(connection, operation.job_ids))
                stored += await archived_runs_of(connection, operation.job_ids)
            return [*((job_id, None) for job_id in operation.job_ids), *stored], None
        if token is not None and token.startswith(_ARCHIVE):
            runs, following = await self._archived(token)
        else:
            runs, following = await self._visibility.page_started_until(operation.requested_at, token or b"", _LISTED)
            following = following or _ARCHIVE
        mine = [run for run in runs if operation.tenant in (None, tenant_of(run[0]))]
        return mine, following or None

    async def _archived(self, token: bytes) -> tuple[list[tuple[str, str]], bytes]:
        """What Temporal listed once: the runs that only the archive still holds."""
        async with transaction(self._engine) as connection:
            runs = await archived_runs(connection, token.removeprefix(_ARCHIVE).decode(), _ARCHIVED_RUNS)
        following = _ARCHIVE + runs[-1][1].encode() if len(runs) == _ARCHIVED_RUNS else b""
        return await self._inspector.gone(runs), following

    def _finished(self, operation: Operation, progress: Progress, started_at: datetime) -> None:
        seconds = (datetime.now(UTC) - started_at).total_seconds()
        self._metrics.finished(operation.kind, progress.counts, datetime.now(UTC))
        _log.info(
            "projection operation finished",
            operation=operation.id,
            kind=operation.kind.value,
            seconds=round(seconds, 1),
            **{name.replace(".", "_"): number for name, number in progress.counts.items()},
        )


def _in_the_meantime(page: Coroutine[None, None, _Page]) -> asyncio.Task[_Page]:
    """A failure is told to whoever waits for the page; where nobody does any more, to nobody."""
    task = asyncio.create_task(page)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


def _batches(pairs: Sequence[tuple[str, str | None]]) -> Iterator[Mapping[str, list[str | None]]]:
    """The runs by job, some jobs at a time."""
    jobs: dict[str, list[str | None]] = {}
    for job_id, run_id in pairs:
        jobs.setdefault(job_id, []).append(run_id)
    left = iter(jobs.items())
    while batch := dict(islice(left, _BATCH)):
        yield batch
