"""`start_at` and `delay`: the workflow itself waits, so that no signal or update starts the job early."""

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

from perdure.contract.duration import parse_duration
from perdure.contract.name import TIMER_START
from perdure.contract.spec import JobSpec
from perdure.contract.timestamp import parse_timestamp
from workflows.job.deadline import Deadline
from workflows.job.sleep import OVER_PATCH


class StartTime:
    """When the job's work may begin."""

    def __init__(self, spec: JobSpec, submitted_at: str, started_at: str | None, on_due: Callable[[], None]) -> None:
        self.started_at = started_at
        """When it began; None while it waits."""
        self._on_due = on_due
        self._planned = _planned(spec, datetime.fromisoformat(submitted_at))
        self._deadline = Deadline(TIMER_START, self._begin)
        if started_at is None and not self._in_future():
            self.started_at = workflow.now().isoformat()

    @property
    def due(self) -> bool:
        """Whether the job may work."""
        return self.started_at is not None

    @property
    def passing(self) -> bool:
        """Whether the time has come and its timer, which the history has as fired, was not told of (`is_over`)."""
        return not self.due and not self._in_future() and workflow.patched(OVER_PATCH)

    def watch(self) -> None:
        """Set the timer, if there is something to wait for."""
        if not self.due and self._planned is not None:
            self._deadline.start(self._planned - workflow.now())

    def stop(self) -> None:
        """Stop the timer: the job ends, or continues as new."""
        self._deadline.stop()

    def _in_future(self) -> bool:
        return self._planned is not None and self._planned > workflow.now()

    def _begin(self) -> None:
        self.started_at = workflow.now().isoformat()
        self._on_due()


def _planned(spec: JobSpec, submitted_at: datetime) -> datetime | None:
    if spec.delay is not None:
        return submitted_at + parse_duration(spec.delay)
    return parse_timestamp(spec.start_at) if spec.start_at is not None else None
