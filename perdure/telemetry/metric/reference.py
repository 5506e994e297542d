"""`python -m perdure.telemetry.metric.reference`: print docs/reference/metrics.md, made from the metrics themselves."""

import sys
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Metric

from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.telemetry.metric.archive import ArchiveMetrics
from perdure.telemetry.metric.attempt import AttemptMetrics
from perdure.telemetry.metric.audit import AuditMetrics
from perdure.telemetry.metric.census import CensusMetrics
from perdure.telemetry.metric.job import JobMetrics
from perdure.telemetry.metric.label import MOST_QUEUES, MOST_TYPES, Labels
from perdure.telemetry.metric.operation import OperationMetrics
from perdure.telemetry.metric.pool import PoolMetrics
from perdure.telemetry.metric.projection import ProjectionMetrics, ProjectionState, lag_histogram
from perdure.telemetry.metric.reconciliation import ReconciliationMetrics
from perdure.telemetry.metric.request import RequestMetrics

_OPENING = f"""# Metrics

Prometheus scrapes `/metrics` of the API (`PERDURE_API_PORT`) and of each worker (`PERDURE_WORKER_HEALTH_PORT`; outside
the machine only where `PERDURE_WORKER_HEALTH_HOST` says so), without a key, in the text format 0.0.4. Beside what is
listed here each process shows `perdure_build_info{{service, version}}`, itself (`process_*`, `python_*`) and Temporal's
SDK (`temporal_*`, in seconds, counters with `_total`). The SDK serves its metrics at a loopback port of its own, chosen
by the system; `/metrics` includes them, so a process is one target.

Labels are bounded; none holds an id. `type` is a job's or a step's type, `queue` a Perdure queue: those a worker
serves and the first others it meets, {MOST_TYPES} types and {MOST_QUEUES} queues in all; what comes later is `other`.
The SDK's samples of a 51st task queue are left out.

Made by `python -m perdure.telemetry.metric.reference > docs/reference/metrics.md`; do not edit.
"""
_JOBS = """Shown by workers; `sum` over them. A thing that happened to a job is counted by the one projector that
inserted its row into the journal, when that is committed: once, however many workers fold the same events and however
often a job is folded again. A worker that dies between the two loses the count; the journal is exact.
"""
_ATTEMPTS = """Shown by workers; `sum` over them. An attempt is counted by the worker that ran it, as it ends; one that
was lost with its worker (`outcome="LOST"`) by the projector that learns of it. `error_class` is empty for COMPLETED.
"""
_PROJECTION = """Shown by each worker, about itself. Exactly one of them leads. `kind` is CHECK or REBUILD; what the
last one found is shown by the worker that finished it: take the one with the newest timestamp.
"""
_CENSUS = """Counted every `PERDURE_METRICS_INTERVAL_SECONDS`. Jobs and dead letters are shown by the worker that leads
and by no other; while Postgres is away by none. The backlog of a queue is Temporal's estimate and shown by every worker
that serves the queue: take `max by (queue, kind)`.
"""
_POOL = """Shown by the API and by workers, each about itself.
"""
_AUDIT = """Shown by the API, each process about itself.
"""
_REQUESTS = """Shown by the API. `route` is a template such as `/v1/jobs/{job_id}`, `status` a class such as `2xx`.
"""


def render() -> str:
    """The document, as Markdown."""
    parts = [_OPENING]
    for title, told, registry in _sections():
        parts.append(f"\n## {title}\n\n{told}\n| name | kind | labels | meaning |\n|---|---|---|---|\n")
        parts += [_row(family, labels) for family, labels in families(registry)]
    return "".join(parts)


def families(registry: CollectorRegistry) -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """Each metric of a registry with the names of its labels."""
    for collector in list(registry._collector_to_names):  # noqa: SLF001 - there is no public way to list them
        named: Any = getattr(collector, "_labelnames", None)
        for family in collector.collect():
            yield family, tuple(getattr(family, "_labelnames", ()) if named is None else named)


def _sections() -> Iterator[tuple[str, str, CollectorRegistry]]:
    labels, settings = Labels(), Settings()
    for title, told, make in (
        ("Jobs", _JOBS, lambda registry: JobMetrics(registry, labels)),
        ("Attempts and slots", _ATTEMPTS, lambda registry: AttemptMetrics(registry, labels)),
        ("Projection", _PROJECTION, lambda registry: _projection(registry, labels)),
        ("Open jobs, dead letters, backlogs", _CENSUS, lambda registry: CensusMetrics(registry, labels, ())),
        ("Postgres", _POOL, lambda registry: PoolMetrics(registry, create_engine(settings))),
        ("Audit", _AUDIT, AuditMetrics),
        ("Requests", _REQUESTS, RequestMetrics),
    ):
        registry = CollectorRegistry()
        make(registry)
        yield title, told, registry


def _projection(registry: CollectorRegistry, labels: Labels) -> None:
    lag_histogram(registry)
    OperationMetrics(registry)
    ArchiveMetrics(registry)
    ReconciliationMetrics(registry, labels)
    ProjectionMetrics(registry, lambda: ProjectionState(0, 0.0, 0, 0, leads=False))


def _row(family: Metric, labels: tuple[str, ...]) -> str:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    shown = ", ".join(f"`{label}`" for label in labels)
    return f"| `{name}` | {family.type} | {shown} | {family.documentation} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
