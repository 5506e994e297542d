"""Waits before another attempt that the workflow makes itself, for Temporal repeats nothing there; people may end them.

Used by what runs a unit's activities (`wait`) and by decisions about the next attempt (`end`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow

from perdure.contract.name import backoff_timer
from workflows.job.unit import Unit

PATCH = "backoffs-end-when-asked"


@dataclass(eq=False, slots=True)
class _Wait:
    """`cancels`: how often the task had been asked to stop before."""

    task: asyncio.Task[Any]
    cancels: int
    ended: bool = False


class Backoffs:
    """The units of a job that wait so, and those that are to be attempted no more."""

    def __init__(self, is_paused: Callable[[], bool]) -> None:
        self._open: dict[Unit, _Wait] = {}
        self._last: set[tuple[Unit, int]] = set()
        self._is_paused = is_paused

    async def wait(self, unit: Unit, delay: timedelta) -> bool:
        """Wait for so long, and while the job is paused. Whether another attempt is to be made."""
        if self._given_up(unit):
            return False
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  each unit runs as a task
        mine = self._open[unit] = _Wait(task, task.cancelling())
        try:
            if delay > timedelta(0):
                await workflow.sleep(delay, summary=backoff_timer(unit.name))
            if self._is_paused():
                await workflow.wait_condition(lambda: not self._is_paused())
        except asyncio.CancelledError:
            # The job may have been asked to stop in the same workflow task: then there is another request than ours.
            if not mine.ended or task.uncancel() > mine.cancels:
                raise
        finally:
            del self._open[unit]
        return not self._given_up(unit)

    def end(self, unit: Unit, *, give_up: bool) -> None:
        """Have the unit's next attempt begin now, or none be made any more, also where it does not wait just now."""
        if give_up:
            self._last.add((unit, unit.round))
        wait = self._open.get(unit)
        if wait is not None and not wait.ended and workflow.patched(PATCH):
            wait.ended = True
            # Not through a future: the steps in which a wait ends by itself have to stay what they were.
            wait.task.cancel()

    def has_ended(self, unit: Unit) -> bool:
        """Whether the unit's wait was ended just now."""
        wait = self._open.get(unit)
        return wait is not None and wait.ended

    def is_last(self, unit: Unit) -> bool:
        """Whether somebody gave this round of the unit up."""
        return (unit, unit.round) in self._last

    def _given_up(self, unit: Unit) -> bool:
        return self.is_last(unit) and workflow.patched(PATCH)
