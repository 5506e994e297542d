"""How the counts of Temporal, of the projection and of the workers compare. Fed by the leading worker."""

from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from perdure.telemetry.metric.label import Labels


class ReconciliationMetrics:
    """The last hour that was compared."""

    def __init__(self, registry: CollectorRegistry | None, labels: Labels) -> None:
        self._labels = labels
        told = "Jobs that ended in the last hour compared: those Temporal has more (below 0: fewer) than the tables."
        self._difference = Gauge("perdure_reconciliation_difference", told, ("type", "outcome"), registry=registry)
        told = "The same of the workers' counters: those they have more (below 0: fewer) than Temporal and the tables."
        self._miscounted = Gauge("perdure_reconciliation_miscounted", told, ("type", "outcome"), registry=registry)
        told = "End of the last hour compared, in seconds since 1970; 0: none since this worker started."
        self._until = Gauge("perdure_reconciliation_timestamp_seconds", told, registry=registry)

    def compared(
        self,
        difference: Mapping[tuple[str, str], int],
        until: datetime,
        miscounted: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        """An hour was compared; what differs, and what workers have miscounted, by type and outcome."""
        self._show(self._difference, difference)
        self._show(self._miscounted, miscounted or {})
        self._until.set(until.timestamp())

    def _show(self, gauge: Gauge, differences: Mapping[tuple[str, str], int]) -> None:
        gauge.clear()
        sums: dict[tuple[str, str], int] = {}
        for (type_, outcome), number in differences.items():
            key = (self._labels.job_type.of(type_), outcome)
            # Of types that share a label none makes good for another.
            sums[key] = max((sums.get(key, 0), number), key=abs)
        for key, number in sums.items():
            gauge.labels(*key).set(number)
