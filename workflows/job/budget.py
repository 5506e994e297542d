"""Keeps what one workflow task sends below the server's message limit (evidence: "Size kills or wedges")."""

import asyncio
from collections import deque
from datetime import timedelta

from temporalio import workflow

from perdure.contract.name import TIMER_BUDGET


class TaskBudget:
    """Counts the bytes handed to the server since the history last grew, which is when a task began.

    Whoever finds no room waits in a line, until room is given back or the next workflow task begins.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._history_length = -1
        self._borrowed = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._next_task: asyncio.Task[None] | None = None

    async def reserve(self, size: int) -> None:
        """Wait until `size` more bytes fit in the current workflow task, then count them.

        Something larger than the limit passes when it is alone: its own bound is checked elsewhere.
        """
        if not self._line and self._fits(size):
            self._used += size
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((size, place))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await place

    def borrow(self, size: int) -> bool:
        """Count `size` bytes for now, if they fit now; whether they did."""
        fits = not self._line and self._fits(size)
        if fits:
            self._used += size
            self._borrowed += size
        return fits

    def give_back(self, borrowed: int, used: int) -> None:
        """Of so many bytes borrowed in this task only so many were used."""
        self._borrowed -= borrowed
        self._used = max(0, self._used - borrowed + used)

    async def next_task(self) -> None:
        """Wait for the next workflow task."""
        length = workflow.info().get_current_history_length()
        self._ask_for_a_task()
        await workflow.wait_condition(lambda: workflow.info().get_current_history_length() != length)

    async def _serve(self) -> None:
        """Let the line in, first come first served: the one waiter that watches for room."""
        while self._line:
            size, place = self._line[0]
            while not (place.cancelled() or self._fits(size)):
                await self._until_room(size)
            self._line.popleft()
            if not place.cancelled():
                self._used += size
                place.set_result(None)

    async def _until_room(self, size: int) -> None:
        if not self._borrowed:
            self._ask_for_a_task()
        await workflow.wait_condition(lambda: self._fits(size) or not (self._borrowed or self._asked))

    @property
    def _asked(self) -> bool:
        return self._next_task is not None and not self._next_task.done()

    def _fits(self, size: int) -> bool:
        length = workflow.info().get_current_history_length()
        if length != self._history_length:
            self._history_length = length
            self._used = self._borrowed
        return self._used == 0 or self._used + size <= self._limit

    def _ask_for_a_task(self) -> None:
        # Where all that was sent are markers of local activities, nothing would begin another workflow task.
        if not self._asked:
            self._next_task = asyncio.create_task(workflow.sleep(timedelta(milliseconds=1), summary=TIMER_BUDGET))
