"""Marks: which jobs the projector should look at, gathered where their workflows run (architecture 6).

`worker.marking_runner` marks at each activation of a workflow; the activity wrapper's failure hook is
`MarkSet.mark_attempt`; the sweep and the API's NOTIFY mark too; the projector takes what was marked.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile


@dataclass(frozen=True, slots=True)
class Mark:
    """A job to look at. `run_id` is the run that moved, if that is known; `tries` counts looks in vain."""

    job_id: str
    run_id: str | None = None
    tries: int = 0
    urgent: bool = False
    """Whether the run has ended, as far as is known: no other mark will come."""
    missing: bool = False
    """Whether it was compared with the tables and found to be behind."""
    made_at: float = field(default_factory=time.monotonic, compare=False)
    """When, by the monotonic clock; of marks that were merged, the first."""


_Marks = dict[tuple[str, str | None], Mark]


class MarkSet:
    """The marked jobs. Marking is thread-safe, cheap and never raises; taking belongs to one event loop.

    Args:
        limit: marks kept at most of each kind; what comes above is dropped, `overflowed` then says so,
            and a full comparison by the sweep makes up for it.
    """

    def __init__(self, limit: int = 50_000) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._marks: _Marks = {}
        self._urgent: _Marks = {}
        self._attempts: _Marks = {}
        self._wake: Callable[[], object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._overflowed = False

    def __len__(self) -> int:
        return len(self._marks) + len(self._urgent) + len(self._attempts)

    def bind(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], object]) -> None:
        """Call `wake` in `loop` after each mark from now on."""
        self._loop, self._wake = loop, wake
        if len(self):
            self._notify()

    def mark(self, job_id: str, run_id: str | None = None) -> None:
        """The job's history grew, or may have."""
        self.put(Mark(job_id, run_id))

    def mark_end(self, job_id: str, run_id: str) -> None:
        """The run's end is in its history."""
        self.put(Mark(job_id, run_id, urgent=True))

    def mark_attempt(self, job_id: str, run_id: str) -> None:
        """An attempt at a step of the job failed and may be repeated: nothing in the history says so yet."""
        self.put_attempt(Mark(job_id, run_id))

    def put(self, mark: Mark) -> None:
        """Add a mark of a job's history."""
        if mark.urgent:
            with self._lock:
                self._marks.pop((mark.job_id, mark.run_id), None)
        self._put(self._urgent if mark.urgent else self._marks, mark)

    def put_attempt(self, mark: Mark) -> None:
        """Add a mark of a job's open steps."""
        self._put(self._attempts, mark)

    def take(self, limit: int, *, age: float = 0.0) -> list[Mark]:
        """Remove and return marks, at most `limit`: the urgent ones, then others of at least `age` seconds."""
        urgent = self._take(self._urgent, limit)
        return urgent + self._take(self._marks, limit - len(urgent), age)

    def take_attempts(self, limit: int) -> list[Mark]:
        """Remove and return the failed-attempt marks made first, at most `limit`."""
        return self._take(self._attempts, limit)

    def take_overflowed(self) -> bool:
        """Whether marks were dropped since this was asked last."""
        with self._lock:
            overflowed, self._overflowed = self._overflowed, False
        return overflowed

    def _put(self, marks: _Marks, mark: Mark) -> None:
        key = (mark.job_id, mark.run_id)
        with self._lock:
            present = marks.get(key)
            if present is None and len(marks) >= self._limit:
                self._overflowed = True
                return
            marks[key] = mark if present is None else _merged(present, mark)
        self._notify()

    def _take(self, marks: _Marks, limit: int, age: float = 0.0) -> list[Mark]:
        made_by = time.monotonic() - age
        with self._lock:
            due = takewhile(lambda mark: mark.made_at <= made_by, islice(marks.values(), limit))
            return [marks.pop((mark.job_id, mark.run_id)) for mark in list(due)]

    def _notify(self) -> None:
        if self._loop is not None and self._wake is not None:
            with suppress(RuntimeError):  # the loop is closed: the process is ending
                self._loop.call_soon_threadsafe(self._wake)


def _merged(one: Mark, other: Mark) -> Mark:
    """A fresh mark starts the count of vain looks anew."""
    return replace(
        other,
        tries=min(one.tries, other.tries),
        missing=one.missing or other.missing,
        made_at=min(one.made_at, other.made_at),
    )
