"""When to look at a job, or a bulk action, again, and when to give up; what both clients' `watch…` follow."""

import time
from typing import Any, Protocol

from perdure.client.error import ClientError, StillOpenError, UnavailableError, UnreachableError

FIRST = 0.1
LONGEST = 1.0
GROWTH = 1.25
TROUBLE = 60.0
"""Seconds an API that answered before may be away (restarting) before a watch gives up."""


class Followed(Protocol):
    """What is looked at until it has ended."""

    @property
    def id(self) -> str:
        """Which one."""

    @property
    def status(self) -> str:
        """How it is now."""

    @property
    def final(self) -> bool:
        """Whether it has ended."""

    def older_than(self, other: Any) -> bool:
        """Whether it shows less than an earlier look did."""


class Patience:
    """Delays between looks: short while the job changes, longer while it does not. Times are seconds."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._begun = time.monotonic()
        self._delay = FIRST
        self._seen: Followed | None = None
        self._trouble_since: float | None = None

    def looked(self, job: Followed) -> bool:
        """Take note of a look at the job; whether it shows something new.

        The API answers from Temporal while its projection lacks the job, and the projection may then be behind:
        a look that shows less than the one before is no news.

        Raises:
            StillOpenError: the time is over and the job has not ended.
        """
        self._trouble_since = None
        changed = job != self._seen and not (self._seen is not None and job.older_than(self._seen))
        if changed:
            self._seen = job
        self._delay = FIRST if changed else min(self._delay * GROWTH, LONGEST)
        if self._timeout is not None and not job.final and self._elapsed() >= self._timeout:
            raise StillOpenError(job.id, job.status, self._timeout)
        return changed

    def troubled(self, error: ClientError) -> None:
        """Bear a failed look if the API answered before and has not been away too long; else raise it."""
        now = time.monotonic()
        self._trouble_since = self._trouble_since or now
        bearable = isinstance(error, UnreachableError | UnavailableError) and self._seen is not None
        if not bearable or now - self._trouble_since > TROUBLE or self._over():
            raise error
        self._delay = LONGEST

    def delay(self) -> float:
        """How long to wait before the next look."""
        if self._timeout is None:
            return self._delay
        return max(0.0, min(self._delay, self._timeout - self._elapsed()))

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _over(self) -> bool:
        return self._timeout is not None and self._elapsed() >= self._timeout
