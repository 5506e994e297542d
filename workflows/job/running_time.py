"""The job's timeout: counts running time only, so a parked job never times out."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

from perdure.contract.duration import parse_duration
from perdure.contract.name import TIMER_JOB_TIMEOUT
from workflows.job.deadline import Deadline

_MS = timedelta(milliseconds=1)


class RunningTime:
    """A stopwatch with a limit. Without a limit it sets no timer."""

    def __init__(self, timeout: str | None, used_ms: int, on_passed: Callable[[], None]) -> None:
        self.passed = False
        self._limit = parse_duration(timeout) if timeout else None
        self._used = used_ms * _MS
        self._since: datetime | None = None
        self._on_passed = on_passed
        self._deadline = Deadline(TIMER_JOB_TIMEOUT, self._pass)

    @property
    def used_ms(self) -> int:
        """Running time so far."""
        since = workflow.now() - self._since if self._since else timedelta(0)
        return (self._used + since) // _MS

    def tick(self, *, running: bool) -> None:
        """Say whether the job runs now; called each time something changed."""
        if running and self._since is None:
            self._since = workflow.now()
            if self._limit is not None:
                self._deadline.start(self._limit - self._used)
        elif not running:
            self.stop()

    def stop(self) -> None:
        """Stop counting."""
        self._used = self.used_ms * _MS
        self._since = None
        self._deadline.stop()

    def _pass(self) -> None:
        self.passed = True
        self._on_passed()
