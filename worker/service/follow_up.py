"""Looks that come later: a commit that was not there yet, an attempt that begins, a job that was set aside."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from worker.mark import Mark, MarkSet
from worker.service.refold import Refold

_log = structlog.get_logger("worker.projector")

_LATE_COMMITS = 6
"""Looks at a workflow task in the making: after 0.1, 0.2 ... 3.2 s. Then the sweep has it."""
_COMMIT_DELAY = 0.1
_VAIN_LOOKS, _VAIN_DELAY = 3, 0.25
"""Looks that found nothing new: the commit may be on its way, and an update's task is not in the history before."""
_ATTEMPT_LOOKS = 2
_ATTEMPT_DELAY = 0.15
_SET_ASIDE_DELAY, _SET_ASIDE_LONGEST = 30.0, 600.0
_OVERDUE_DELAY = 5.0
_MOST_TIMERS = 20_000

_What = TypeVar("_What")


@dataclass(frozen=True, slots=True)
class JobMarks:
    """The marks of one job in a batch."""

    job_id: str
    history: list[Mark] = field(default_factory=list)
    attempts: list[Mark] = field(default_factory=list)


class FollowUp:
    """Marks jobs again after a while. What is pending at the end is for the sweep to find."""

    def __init__(self, marks: MarkSet) -> None:
        self._marks = marks
        self._timers: set[asyncio.TimerHandle] = set()
        self._set_aside: dict[str, int] = {}
        self._blocked: set[str] = set()

    def cancel(self) -> None:
        """Forget all that is pending."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    @property
    def count_set_aside(self) -> int:
        """How many jobs are not to be looked at for now."""
        return len(self._blocked)

    def is_set_aside(self, job_id: str) -> bool:
        """Whether the job is not to be looked at for now."""
        return job_id in self._blocked

    def after(self, job: JobMarks, refold: Refold) -> None:
        """Look again where the histories are about to grow, or an attempt is about to begin."""
        self._set_aside.pop(job.job_id, None)
        for mark in job.history:
            self._after_history(mark, refold)
        for mark in job.attempts:
            if not refold.observations and mark.tries < _ATTEMPT_LOOKS:
                self._later(_VAIN_DELAY, self._marks.put_attempt, replace(mark, tries=mark.tries + 1))
        for seen in refold.observations:
            if seen.next_retry_at is not None:
                due = (seen.next_retry_at - datetime.now(UTC)).total_seconds()
                # Overdue: no worker has a slot, or somebody paused the activity. It may stay so for days.
                delay = due + _ATTEMPT_DELAY if due > 0 else _OVERDUE_DELAY
                self._later(delay, self._marks.put_attempt, Mark(seen.job_id, seen.run_id))

    def set_aside(self, job: JobMarks, error: BaseException) -> None:
        """Leave a job that cannot be projected alone for a while; the others go on."""
        failures = self._set_aside[job.job_id] = self._set_aside.get(job.job_id, 0) + 1
        delay = min(_SET_ASIDE_LONGEST, _SET_ASIDE_DELAY * 2 ** (failures - 1))
        _log.error("job cannot be projected and is set aside", job_id=job.job_id, seconds=delay, exc_info=error)
        if self._later(delay, self._resume, job):
            self._blocked.add(job.job_id)

    def _resume(self, job: JobMarks) -> None:
        self._blocked.discard(job.job_id)
        for mark in job.history or job.attempts:
            self._marks.put(replace(mark, tries=0))

    def _after_history(self, mark: Mark, refold: Refold) -> None:
        again = replace(mark, tries=mark.tries + 1, missing=False)
        if not refold.settled and mark.tries < _LATE_COMMITS:
            self._later(_COMMIT_DELAY * 2**mark.tries, self._marks.put, again)
        elif not refold.moved and mark.tries < _VAIN_LOOKS and any(not run.closed for run in refold.folds.values()):
            self._later(_VAIN_DELAY * 2**mark.tries, self._marks.put, again)

    def _later(self, delay: float, call: Callable[[_What], None], what: _What) -> bool:
        if len(self._timers) >= _MOST_TIMERS:
            return False

        def run() -> None:
            self._timers.discard(timer)
            call(what)

        timer = asyncio.get_running_loop().call_later(max(0.0, delay), run)
        self._timers.add(timer)
        return True


def by_job(history: Sequence[Mark], attempts: Sequence[Mark]) -> list[JobMarks]:
    """The marks, job by job."""
    jobs: dict[str, JobMarks] = {}
    for mark in history:
        jobs.setdefault(mark.job_id, JobMarks(mark.job_id)).history.append(mark)
    for mark in attempts:
        jobs.setdefault(mark.job_id, JobMarks(mark.job_id)).attempts.append(mark)
    return list(jobs.values())
