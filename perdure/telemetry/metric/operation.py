"""What checks and rebuilds of the projection found. Fed by the leading worker."""

from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

_KINDS = ("CHECK", "REBUILD")


class OperationMetrics:
    """Drift as the last check or rebuild of this worker saw it, and what rebuilds did."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        told = "Jobs whose rows were not as their histories have them, in the last finished operation."
        self._drift = Gauge("perdure_projection_drifted_jobs", told, ("kind",), registry=registry)
        told = "When the last operation finished, in seconds since 1970; 0: none since this worker started."
        self._at = Gauge("perdure_projection_inspected_timestamp_seconds", told, ("kind",), registry=registry)
        told = "Jobs held against their histories."
        self._jobs = Counter("perdure_projection_inspected_jobs", told, ("kind",), registry=registry)
        told = "Jobs whose rows were made anew because they were wrong or missing."
        self._mended = Counter("perdure_projection_mended_jobs", told, registry=registry)
        told = "Jobs whose histories could not be folded, in the last finished operation."
        self._unreadable = Gauge("perdure_projection_unreadable_jobs", told, ("kind",), registry=registry)
        told = "Jobs that are open in the tables and that Temporal does not know, in the last finished operation."
        self._unknown = Gauge("perdure_projection_unknown_jobs", told, ("kind",), registry=registry)
        for kind in _KINDS:
            for family in (self._unknown, self._drift, self._at, self._jobs, self._unreadable):
                family.labels(kind)

    def finished(self, kind: str, counts: Mapping[str, int], at: datetime) -> None:
        """An operation came to its end."""
        self._drift.labels(kind).set(counts.get("drifted", 0))
        self._unreadable.labels(kind).set(counts.get("unreadable", 0))
        self._unknown.labels(kind).set(counts.get("unknown", 0))
        self._at.labels(kind).set(at.timestamp())
        self._jobs.labels(kind).inc(counts.get("jobs", 0))
        self._mended.inc(counts.get("mended", 0))
