"""All metrics of one worker process. Made by the composition root, handed to steps, services and `/metrics`."""

from dataclasses import dataclass

from prometheus_client import Histogram

from perdure.settings import Settings
from perdure.steps.catalogue import CATALOGUE
from perdure.telemetry.metric.attempt import AttemptMetrics
from perdure.telemetry.metric.job import JobMetrics
from perdure.telemetry.metric.label import Labels
from perdure.telemetry.metric.projection import lag_histogram
from perdure.telemetry.metric.registry import ProcessMetrics


@dataclass(frozen=True, slots=True)
class WorkerMetrics:
    """The services hang theirs on `process.registry` as they start."""

    process: ProcessMetrics
    labels: Labels
    attempts: AttemptMetrics
    jobs: JobMetrics
    lag: Histogram


def worker_metrics(process: ProcessMetrics, settings: Settings) -> WorkerMetrics:
    """The metrics of a worker that serves the queues of the settings."""
    labels = Labels.serving(settings.queues, [type_.name for type_ in CATALOGUE.values() if type_.needs_activity])
    registry = process.registry
    attempts = AttemptMetrics(registry, labels)
    for queue in settings.queues:
        attempts.offer(queue, settings.worker_max_concurrent_steps)
    return WorkerMetrics(process, labels, attempts, JobMetrics(registry, labels), lag_histogram(registry))
