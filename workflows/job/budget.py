"""Keeps what one workflow task sends below the server's message limit (evidence: "Size kills or wedges")."""

import asyncio
from collections import deque
from datetime import timedelta

from temporalio import workflow

from perdure.contract.local_first import LOCAL_TRIES
from perdure.contract.name import TIMER_BUDGET


class TaskBudget:
    """Counts the bytes handed to the server since the history last grew, which is when a task began.

    Whoever finds no room waits in a line. It goes on when a local try gives back what it did not use, or with the
    next workflow task.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._history_length = -1
        self._local_open = 0
        self._local_tries = 0
        self._line: deque[tuple[int, bool, asyncio.Future[None]]] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._next_task: asyncio.Task[None] | None = None

    async def reserve(self, size: int) -> None:
        """Wait until `size` more bytes fit in the current workflow task, then count them.

        Something larger than the limit passes when it is alone: its own bound is checked elsewhere.
        """
        await self._enter(size, local=False)

    async def begin_local(self, size: int) -> None:
        """The same for a local try, of which one task takes only so many."""
        await self._enter(size, local=True)
        self._local_open += 1

    def end_local(self, unused: int) -> None:
        """A local try has ended: count that many bytes less, they were taken, in this task, and not used."""
        self._local_open -= 1
        self._used = max(0, self._used - unused)

    async def _enter(self, size: int, *, local: bool) -> None:
        if not self._line and self._fits(size, local=local):
            self._take(size, local=local)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((size, local, place))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await place

    async def _serve(self) -> None:
        """Let the line in, first come first served; the one waiter that watches for room."""
        while self._line:
            size, local, place = self._line[0]
            if not place.cancelled():
                await self._until_room(size, local=local)
            self._line.popleft()
            if not place.cancelled():
                self._take(size, local=local)
                place.set_result(None)

    async def _until_room(self, size: int, *, local: bool) -> None:
        while not self._fits(size, local=local):
            if self._local_open == 0:
                self._ask_for_a_task()
            await workflow.wait_condition(
                lambda: self._fits(size, local=local) or (self._local_open == 0 and not self._asked)
            )

    @property
    def _asked(self) -> bool:
        return self._next_task is not None and not self._next_task.done()

    def _take(self, size: int, *, local: bool) -> None:
        self._used += size
        self._local_tries += local

    def _fits(self, size: int, *, local: bool) -> bool:
        length = workflow.info().get_current_history_length()
        if length != self._history_length:
            self._history_length = length
            self._used = 0
            self._local_tries = 0
        if local and self._local_tries >= LOCAL_TRIES:
            return False
        return self._used == 0 or self._used + size <= self._limit

    def _ask_for_a_task(self) -> None:
        # Where all that was sent are markers of local activities, nothing would begin another workflow task.
        if not self._asked:
            self._next_task = asyncio.create_task(workflow.sleep(timedelta(milliseconds=1), summary=TIMER_BUDGET))
