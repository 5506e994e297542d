"""Attempts at steps, counted by the worker that runs them as they end; lost ones by the projector.

An attempt is known at once only where it runs: in the journal it appears when its step's activity closes,
which may be days later. Of an attempt that was lost nobody knows before.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from perdure.contract.error import ErrorClass
from perdure.contract.journal import JournalType
from perdure.contract.state import AttemptOutcome
from perdure.projection.record import JobRecord, JournalEvent
from perdure.telemetry.metric.label import Labels

ATTEMPT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600)
"""Seconds."""

_RETRIED = tuple(each for each in ErrorClass if each.retryable)
_ENDS = (
    (AttemptOutcome.COMPLETED, ""),
    (AttemptOutcome.TIMED_OUT, ErrorClass.TIMEOUT.value),
    (AttemptOutcome.LOST, ErrorClass.LOST.value),
    (AttemptOutcome.CANCELED, ErrorClass.CANCELED.value),
    *((AttemptOutcome.FAILED, each.value) for each in ErrorClass if each not in (ErrorClass.LOST, ErrorClass.CANCELED)),
)
"""Every way an attempt ends, with the class of its error."""


class AttemptMetrics:
    """What the step wrapper tells of its attempts. Without a registry it counts for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None, labels: Labels | None = None) -> None:
        self._labels = labels or Labels()
        self._attempts = Counter(
            "perdure_step_attempts",
            "Attempts at steps that ended.",
            ("type", "outcome", "error_class"),
            registry=registry,
        )
        self._retries = Counter(
            "perdure_step_retries",
            "Attempts that failed and are repeated by the step's policy.",
            ("type", "error_class"),
            registry=registry,
        )
        self._duration = Histogram(
            "perdure_step_attempt_duration_seconds",
            "How long attempts ran.",
            ("type", "outcome"),
            buckets=ATTEMPT_BUCKETS,
            registry=registry,
        )
        self._queue_wait = Histogram(
            "perdure_step_queue_wait_seconds",
            "From an attempt's being due to its start on a worker; steps that run within the workflow task never wait.",
            ("type", "queue"),
            buckets=ATTEMPT_BUCKETS,
            registry=registry,
        )
        # A counter that appears with its first event hides that event from `rate()`.
        for kind in self._labels.step_type.known:
            for outcome, error_class in _ENDS:
                self._attempts.labels(kind, outcome.value, error_class)
            for each in _RETRIED:
                self._retries.labels(kind, each.value)
        self._slots = Gauge(
            "perdure_worker_slots", "Steps this worker may run at once, by queue.", ("queue",), registry=registry
        )
        self._used = Gauge(
            "perdure_worker_slots_used", "Steps this worker runs now, by queue.", ("queue",), registry=registry
        )

    def offer(self, queue: str, slots: int) -> None:
        """The worker serves the queue with so many slots."""
        self._slots.labels(self._labels.queue.of(queue)).set(slots)
        self._used.labels(self._labels.queue.of(queue)).set(0)

    def take_slot(self, queue: str, step_type: str, waited: float) -> None:
        """An attempt from a task queue began, `waited` seconds after it was due."""
        queue = self._labels.queue.of(queue)
        self._used.labels(queue).inc()
        self._queue_wait.labels(self._labels.step_type.of(step_type), queue).observe(max(0.0, waited))

    def free_slot(self, queue: str) -> None:
        """That attempt is over."""
        self._used.labels(self._labels.queue.of(queue)).dec()

    def completed(self, step_type: str, seconds: float) -> None:
        """An attempt completed after `seconds`."""
        self._ended(step_type, AttemptOutcome.COMPLETED, "", seconds)

    def failed(
        self, step_type: str, outcome: AttemptOutcome, error_class: ErrorClass, seconds: float, *, again: bool
    ) -> None:
        """An attempt ended otherwise; `again`: another one follows. What is lost is left to `count_lost`."""
        if again:
            self._retries.labels(self._labels.step_type.of(step_type), error_class.value).inc()
        if outcome is not AttemptOutcome.LOST:
            self._ended(step_type, outcome, error_class.value, seconds)

    def count_lost(self, job: JobRecord, rows: Sequence[JournalEvent]) -> None:
        """Count the lost attempts among journal rows that were inserted just now."""
        types = {step.id: step.type for step in job.steps}
        for row in rows:
            if row.type is JournalType.STEP_ATTEMPT_FAILED and row.outcome is AttemptOutcome.LOST:
                kind = self._labels.step_type.of(types.get(row.step_id or "", ""))
                self._attempts.labels(kind, AttemptOutcome.LOST.value, ErrorClass.LOST.value).inc()

    def _ended(self, step_type: str, outcome: AttemptOutcome, error_class: str, seconds: float) -> None:
        kind = self._labels.step_type.of(step_type)
        self._attempts.labels(kind, outcome.value, error_class).inc()
        self._duration.labels(kind, outcome.value).observe(max(0.0, seconds))
