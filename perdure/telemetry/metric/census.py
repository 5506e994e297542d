"""What has to be asked for: open jobs, dead letters, backlogs. Fed by the worker's census, read at each scrape.

A count that is not known, because this worker does not lead or Postgres or Temporal is away, has no sample.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from perdure.contract.state import JobStatus
from perdure.telemetry.metric.label import Labels
from perdure.telemetry.metric.sample import Families, gauge

_OPEN = tuple(status.value for status in JobStatus if not status.final)


@dataclass(frozen=True, slots=True)
class JobCensus:
    """Open jobs by (queue, status), the age in seconds of each queue's oldest dead letter, and stuck jobs."""

    open: Mapping[tuple[str, str], int]
    oldest_dead_letter: Mapping[str, float]
    stuck: int


@dataclass(frozen=True, slots=True)
class QueueBacklog:
    """Tasks of a task queue that wait for a worker, and how long the oldest has, in seconds."""

    queue: str
    kind: str
    """`workflow` or `activity`."""
    tasks: int
    age: float


class CensusMetrics(Collector):
    """Shows the newest census of jobs and queues; None and the empty list show nothing."""

    def __init__(self, registry: CollectorRegistry, labels: Labels, queues: tuple[str, ...]) -> None:
        self._labels = labels
        self._queues = queues
        self.jobs: JobCensus | None = None
        self.backlog: list[QueueBacklog] = []
        registry.register(self)

    def collect(self) -> Families:
        """Six families of gauges."""
        yield from self._job_families()
        yield from self._queue_families()

    def _job_families(self) -> Families:
        census = self.jobs
        counted = self._counted(census) if census else {}
        ages = self._ages(census) if census else {}
        yield gauge("perdure_jobs_open", "Jobs that have not ended.", counted, ("queue", "status"))
        dead: dict[tuple[str, ...], float] = {
            (queue,): count for (queue, status), count in counted.items() if status == JobStatus.DEAD_LETTERED
        }
        yield gauge("perdure_dead_letter_jobs", "Dead letters: jobs that wait for a decision.", dead, ("queue",))
        age = "How long the oldest dead letter has waited for a decision; 0 where there is none."
        yield gauge("perdure_dead_letter_oldest_age_seconds", age, ages, ("queue",))
        stuck = "Jobs whose workflow task Temporal reports as failing again and again."
        yield gauge("perdure_jobs_stuck", stuck, {(): census.stuck} if census else {})

    def _queue_families(self) -> Families:
        tasks: dict[tuple[str, ...], float] = {}
        ages: dict[tuple[str, ...], float] = {}
        for each in self.backlog:
            key = (self._labels.queue.of(each.queue), each.kind)
            tasks[key], ages[key] = each.tasks, each.age
        labels = ("queue", "kind")
        yield gauge("perdure_queue_backlog_tasks", "Tasks that wait for a worker, roughly.", tasks, labels)
        age = "How long the oldest waiting task has waited, roughly."
        yield gauge("perdure_queue_backlog_age_seconds", age, ages, labels)

    def _counted(self, census: JobCensus) -> dict[tuple[str, ...], float]:
        counted: dict[tuple[str, ...], float] = defaultdict(float)
        for queue in self._queues:
            counted.update({(self._labels.queue.of(queue), status): 0.0 for status in _OPEN})
        for (queue, status), count in census.open.items():
            counted[self._labels.queue.of(queue), status] += count
        return dict(counted)

    def _ages(self, census: JobCensus) -> dict[tuple[str, ...], float]:
        ages: dict[tuple[str, ...], float] = {(self._labels.queue.of(queue),): 0.0 for queue in self._queues}
        for queue, age in census.oldest_dead_letter.items():
            key = (self._labels.queue.of(queue),)
            ages[key] = max(age, ages.get(key, 0.0))
        return ages
