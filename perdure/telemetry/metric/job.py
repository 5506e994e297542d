"""What happened to jobs, counted once for all workers together. Fed by the projector.

The place where a thing happens once is the journal: a row is unique on the event it cites, so of several
projectors that fold the same event one inserts it. That one counts it, after its transaction is committed;
refolding a job inserts nothing. A process that dies in between loses the count, as it loses all its counters.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from perdure.contract.journal import JournalType
from perdure.projection.record import JobRecord, JournalEvent
from perdure.telemetry.metric.label import Labels

JOB_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)
"""Seconds: jobs take from milliseconds to days."""
USUAL_TYPE = "INLINE"
_BY_JOB = ("type", "queue")
_COUNTED = {
    JournalType.JOB_SUBMITTED: ("submitted", "Jobs submitted, children and dependents among them."),
    JournalType.JOB_STARTED: ("started", "Jobs whose first workflow task was done."),
    JournalType.JOB_COMPLETED: ("completed", "Jobs that ended COMPLETED or COMPLETED_WITH_ERRORS."),
    JournalType.JOB_FAILED: ("failed", "Jobs that ended FAILED."),
    JournalType.JOB_CANCELED: ("canceled", "Jobs that ended CANCELED."),
    JournalType.JOB_TIMED_OUT: ("timed_out", "Jobs that ended TIMED_OUT."),
    JournalType.JOB_TERMINATED: ("terminated", "Jobs that ended TERMINATED."),
    JournalType.JOB_DEAD_LETTERED: ("dead_lettered", "Times that a job became a dead letter."),
    JournalType.JOB_RETRY_REQUESTED: ("retried", "Decisions to retry a dead letter that took effect."),
}
_JOB_ENDS = frozenset(
    {
        JournalType.JOB_COMPLETED,
        JournalType.JOB_FAILED,
        JournalType.JOB_CANCELED,
        JournalType.JOB_TIMED_OUT,
        JournalType.JOB_TERMINATED,
    }
)
_STEP_ENDS = frozenset({JournalType.STEP_COMPLETED, JournalType.STEP_FAILED, JournalType.STEP_CANCELED})


class JobMetrics:
    """Counts journal rows that are new, and what they say of durations."""

    def __init__(self, registry: CollectorRegistry | None, labels: Labels) -> None:
        self._labels = labels
        self._begun: set[tuple[str, str]] = set()
        self._counters = {
            kind: Counter(f"perdure_jobs_{name}", told, _BY_JOB, registry=registry)
            for kind, (name, told) in _COUNTED.items()
        }
        for queue in labels.queue.known:
            self._begin(USUAL_TYPE, queue)
        self._duration = Histogram(
            "perdure_job_duration_seconds",
            "From a job's start to its end, waits and parked time included.",
            (*_BY_JOB, "outcome"),
            buckets=JOB_BUCKETS,
            registry=registry,
        )
        self._queue_wait = Histogram(
            "perdure_job_queue_wait_seconds",
            "From a job's submission to its start.",
            _BY_JOB,
            buckets=JOB_BUCKETS,
            registry=registry,
        )
        self._step_duration = Histogram(
            "perdure_step_duration_seconds",
            "From a step's first start to its end: all attempts, backoffs and parked time.",
            ("type", "outcome"),
            buckets=JOB_BUCKETS,
            registry=registry,
        )

    def count(self, job: JobRecord, rows: Sequence[JournalEvent]) -> None:
        """Count rows of a job that were inserted just now."""
        by_job = (self._labels.job_type.of(job.type), self._labels.queue.of(job.queue))
        self._begin(*by_job)
        for row in rows:
            if row.type in self._counters:
                self._counters[row.type].labels(*by_job).inc()
            if row.type is JournalType.JOB_STARTED and job.queue_wait_ms is not None:
                self._queue_wait.labels(*by_job).observe(job.queue_wait_ms / 1000)
            elif row.type in _JOB_ENDS and job.execution_ms is not None:
                self._duration.labels(*by_job, job.status.value).observe(job.execution_ms / 1000)
            elif row.type in _STEP_ENDS and "item" not in row.data and "compensation" not in row.data:
                self._step_ended(job, row)

    def _begin(self, job_type: str, queue: str) -> None:
        """Let all counters of jobs of this kind be there: one that appears with its first event hides it from `rate()`.

        Of types that are not known beforehand that hides the first submission; how such a job ends is seen.
        """
        if (job_type, queue) in self._begun:
            return
        self._begun.add((job_type, queue))
        for counter in self._counters.values():
            counter.labels(job_type, queue)

    def _step_ended(self, job: JobRecord, row: JournalEvent) -> None:
        step = next((step for step in job.steps if step.id == row.step_id), None)
        if step is None or step.started_at is None or row.status is None:
            return
        seconds = max(0.0, (row.at - step.started_at).total_seconds())
        self._step_duration.labels(self._labels.step_type.of(step.type), row.status).observe(seconds)
