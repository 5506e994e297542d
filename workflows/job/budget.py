"""Keeps what one workflow task sends below the server's message limit (evidence: "Size kills or wedges")."""

from temporalio import workflow


class TaskBudget:
    """Counts the bytes handed to the server since the history last grew, which is when a task began."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._history_length = -1

    async def reserve(self, size: int) -> None:
        """Wait until `size` more bytes fit in the current workflow task, then count them.

        Something larger than the limit passes when it is alone: its own bound is checked elsewhere.
        """
        while not self._fits(size):
            await workflow.wait_condition(self._task_is_new)
        self._used += size

    def _fits(self, size: int) -> bool:
        if self._task_is_new():
            self._history_length = workflow.info().get_current_history_length()
            self._used = 0
        return self._used == 0 or self._used + size <= self._limit

    def _task_is_new(self) -> bool:
        return workflow.info().get_current_history_length() != self._history_length
