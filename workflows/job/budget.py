"""Keeps what one workflow task sends below the server's message limit (evidence: "Size kills or wedges")."""

import asyncio
from datetime import timedelta

from temporalio import workflow

from perdure.contract.name import TIMER_BUDGET


class TaskBudget:
    """Counts the bytes handed to the server since the history last grew, which is when a task began."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._history_length = -1
        self._next_task: asyncio.Task[None] | None = None

    async def reserve(self, size: int) -> None:
        """Wait until `size` more bytes fit in the current workflow task, then count them.

        Something larger than the limit passes when it is alone: its own bound is checked elsewhere.
        """
        while not self.take(size):
            self._ask_for_a_task()
            await workflow.wait_condition(lambda: self._fits(size))

    def take(self, size: int) -> bool:
        """Count `size` bytes if they fit now; whether they did."""
        fits = self._fits(size)
        if fits:
            self._used += size
        return fits

    def give_back(self, size: int) -> None:
        """Count `size` bytes less: they were taken, in this task, and not used."""
        self._used = max(0, self._used - size)

    def _fits(self, size: int) -> bool:
        length = workflow.info().get_current_history_length()
        if length != self._history_length:
            self._history_length = length
            self._used = 0
        return self._used == 0 or self._used + size <= self._limit

    def _ask_for_a_task(self) -> None:
        # Where all that was sent are markers of local activities, nothing would begin another workflow task.
        if self._next_task is None or self._next_task.done():
            self._next_task = asyncio.create_task(workflow.sleep(timedelta(milliseconds=1), summary=TIMER_BUDGET))
