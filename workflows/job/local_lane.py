"""Runs local tries in batches, so that a replay goes the way the job went.

Local activities end in the order they finish, but at a replay in the order they were started (sdk-python#1578): what
follows from each would then be numbered otherwise. So a batch ends as a whole: nothing goes on before all of it has
ended, and then in the order it was started.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.common import RawValue

from perdure.contract.local_first import LOCAL_BATCH, LOCAL_TRIES
from workflows.job.budget import TaskBudget

FAILURE_BYTES = 1024
"""What the marker of a failed try takes: the ledger, ids."""

Begin = Callable[[], workflow.ActivityHandle[RawValue]]


@dataclass(eq=False, slots=True)
class _Turn:
    size: int
    begin: Begin
    ended: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    handle: workflow.ActivityHandle[RawValue] | None = None


class LocalLane:
    """The local tries of a job: those that run, and those that wait for the next batch."""

    def __init__(self, budget: TaskBudget) -> None:
        self._budget = budget
        self._line: deque[_Turn] = deque()
        self._driver: asyncio.Task[None] | None = None
        self._tries = 0
        self._history_length = -1

    async def run(self, size: int, begin: Begin) -> RawValue:
        """The result of the local activity that `begin` starts; at most `size` bytes. Raises its failure."""
        turn = _Turn(size, begin)
        self._line.append(turn)
        if self._driver is None or self._driver.done():
            batch = self._start_batch()
            self._driver = asyncio.create_task(self._drive(batch))
        try:
            await turn.ended
        except asyncio.CancelledError:
            if turn.handle is not None:
                turn.handle.cancel()
            raise
        assert turn.handle is not None  # noqa: S101  a turn ends after it began
        return turn.handle.result()

    async def _drive(self, batch: list[_Turn]) -> None:
        while batch or self._line:
            if not batch:
                await self._budget.next_task()
                batch = self._start_batch()
                continue
            await self._end_of(batch)
            batch = self._start_batch()

    async def _end_of(self, batch: list[_Turn]) -> None:
        handles = [turn.handle for turn in batch if turn.handle is not None]
        await workflow.wait(handles)
        for turn in batch:
            self._budget.give_back(turn.size, _bytes_of(turn.handle))
            if not turn.ended.done():
                turn.ended.set_result(None)

    def _start_batch(self) -> list[_Turn]:
        batch: list[_Turn] = []
        while self._line and len(batch) < LOCAL_BATCH:
            turn = self._line[0]
            if not turn.ended.cancelled():
                if not (self._may_try() and self._budget.borrow(turn.size)):
                    break
                self._tries += 1
                turn.handle = turn.begin()
                batch.append(turn)
            self._line.popleft()
        return batch

    def _may_try(self) -> bool:
        length = workflow.info().get_current_history_length()
        if length != self._history_length:
            self._history_length = length
            self._tries = 0
        return self._tries < LOCAL_TRIES


def _bytes_of(handle: workflow.ActivityHandle[RawValue] | None) -> int:
    if handle is None or handle.cancelled() or handle.exception() is not None:
        return FAILURE_BYTES
    return len(handle.result().payload.data)
