"""How far the tables are behind the histories. Fed by the projector, read at each scrape."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.registry import Collector

from perdure.telemetry.metric.sample import Families, counter, gauge

_LAG_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)


@dataclass(frozen=True, slots=True)
class ProjectionState:
    """`stalled` in seconds, 0 while the projector works; `set_aside_ever` counts up."""

    marks: int
    stalled: float
    set_aside: int
    set_aside_ever: int
    leads: bool


def lag_histogram(registry: CollectorRegistry | None) -> Histogram:
    """Observed with each job that is written."""
    told = "From an event in a history to its row in Postgres."
    return Histogram("perdure_projection_lag_seconds", told, buckets=_LAG_BUCKETS, registry=registry)


class ProjectionMetrics(Collector):
    """What is asked for at each scrape, with `read`."""

    def __init__(self, registry: CollectorRegistry, read: Callable[[], ProjectionState]) -> None:
        self._read = read
        registry.register(self)

    def describe(self) -> Families:
        """The families without samples, so that registering reads nothing."""
        return _families(None)

    def collect(self) -> Families:
        """The state now."""
        return _families(self._read())


def _families(state: ProjectionState | None) -> Families:
    values = (state.marks, state.stalled, state.set_aside, int(state.leads)) if state else (None,) * 4
    told = (
        ("perdure_projection_marks", "Jobs that wait to be projected by this worker."),
        ("perdure_projection_stalled_seconds", "How long this worker's projector has been failing; 0 while it works."),
        ("perdure_projection_set_aside_jobs", "Jobs that this worker cannot project and leaves alone for a while."),
        ("perdure_worker_leader", "Whether this worker leads: sweeps, and counts what is counted once."),
    )
    for (name, documentation), value in zip(told, values, strict=True):
        yield gauge(name, documentation, {} if value is None else {(): value})
    yield counter(
        "perdure_projection_set_aside",
        "Times that a job could not be projected.",
        {(): state.set_aside_ever} if state else {},
    )
