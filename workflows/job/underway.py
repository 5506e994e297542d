"""The units of a job that may start, and those that run; shared by what starts them and what settles them."""

import asyncio  # noqa: TC003  one place for imports
from collections import deque
from collections.abc import Iterable

from workflows.job.unit import Unit


class Underway:
    """`ready` in the order in which they start, `tasks` of those that did."""

    def __init__(self) -> None:
        self.ready: deque[Unit] = deque()
        self.tasks: dict[Unit, asyncio.Task[None]] = {}

    def leave_out(self, units: Iterable[Unit]) -> None:
        """They do not start."""
        known = set(units)
        self.ready = deque(unit for unit in self.ready if unit not in known)

    def stop(self, units: Iterable[Unit]) -> None:
        """Ask those that run to stop."""
        for unit in units:
            if unit in self.tasks:
                self.tasks[unit].cancel()
