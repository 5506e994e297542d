"""A durable timer of the engine itself (job timeout, dead-letter retention) that can be stopped and set again."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow


class Deadline:
    """Calls `on_passed` once when the time is up. `summary` names the timer in the history."""

    def __init__(self, summary: str, on_passed: Callable[[], None]) -> None:
        self._summary = summary
        self._on_passed = on_passed
        self._task: asyncio.Task[None] | None = None

    def start(self, delay: timedelta) -> None:
        """Run from now, `delay` long, instead of what ran before."""
        self.stop()
        self._task = asyncio.create_task(self._wait(delay))

    def stop(self) -> None:
        """Forget the timer; harmless when none runs."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _wait(self, delay: timedelta) -> None:
        if delay > timedelta(0):
            await workflow.sleep(delay, summary=self._summary)
        self._on_passed()
