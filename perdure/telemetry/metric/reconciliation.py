"""How the counts of Temporal and of the projection compare. Fed by the leading worker."""

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
        told = "End of the last hour compared, in seconds since 1970; 0: none since this worker started."
        self._until = Gauge("perdure_reconciliation_timestamp_seconds", told, registry=registry)

    def compared(self, difference: Mapping[tuple[str, str], int], until: datetime) -> None:
        """An hour was compared; `difference` has what differs, by type and outcome."""
        self._difference.clear()
        sums: dict[tuple[str, str], int] = {}
        for (type_, outcome), number in difference.items():
            key = (self._labels.job_type.of(type_), outcome)
            # Of types that share a label none makes good for another.
            sums[key] = max((sums.get(key, 0), number), key=abs)
        for key, number in sums.items():
            self._difference.labels(*key).set(number)
        self._until.set(until.timestamp())
