"""Tells logs, metrics and traces what the projector wrote: each event once, whichever projector wrote it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from prometheus_client import Histogram

from perdure.contract.journal import JournalType
from perdure.projection.record import JobRecord, JournalEvent
from perdure.projection.writer import Projection
from perdure.telemetry.metric.attempt import AttemptMetrics
from perdure.telemetry.metric.job import JobMetrics
from perdure.telemetry.trace.job import JobTrace
from worker.service.tally import Tally

_log = structlog.get_logger("perdure.job")

_SAID = {
    JournalType.JOB_DEAD_LETTERED: "job dead-lettered",
    JournalType.JOB_RETRY_REQUESTED: "job retried",
    JournalType.JOB_DISCARDED: "job discarded",
    JournalType.JOB_CANCEL_REQUESTED: "job asked to cancel",
}
_ENDED = {
    JournalType.JOB_COMPLETED: "info",
    JournalType.JOB_CANCELED: "info",
    JournalType.JOB_FAILED: "warning",
    JournalType.JOB_TIMED_OUT: "warning",
    JournalType.JOB_TERMINATED: "warning",
}


class Witness:
    """`saw` is a projector's `on_written`."""

    def __init__(
        self, jobs: JobMetrics, attempts: AttemptMetrics, lag: Histogram, trace: JobTrace, tally: Tally
    ) -> None:
        self._jobs = jobs
        self._attempts = attempts
        self._lag = lag
        self._trace = trace
        self._tally = tally

    def saw(self, written: Projection, new: Sequence[JournalEvent]) -> None:
        """A projection is in the tables; `new` are its events that were not there before."""
        job = written.job
        self._jobs.count(job, new)
        self._tally.count(job, new)
        self._attempts.count_lost(job, new)
        self._trace.saw(job, new)
        since = written.unseen_since or written.last_event_at
        if since is not None:
            self._lag.observe(max(0.0, (datetime.now(UTC) - since).total_seconds()))
        for event in new:
            if event.type in _SAID:
                _log.info(_SAID[event.type], **_fields(job, event), actor=event.actor)
            elif event.type in _ENDED:
                _ended(job, event)


def _ended(job: JobRecord, event: JournalEvent) -> None:
    error = {"error_code": job.error.code, "error_class": job.error.error_class.value} if job.error else {}
    write = getattr(_log, _ENDED[event.type])
    write("job ended", **_fields(job, event), execution_ms=job.execution_ms, attempts=job.attempts, **error)


def _fields(job: JobRecord, event: JournalEvent) -> dict[str, object]:
    return {
        "job_id": job.id,
        "parent_job_id": job.parent_id,
        "step_id": event.step_id,
        "attempt": event.attempt,
        "status": event.status,
        "trace_id": job.trace_id,
        "tenant": job.tenant,
        "run_id": event.run_id,
    }
