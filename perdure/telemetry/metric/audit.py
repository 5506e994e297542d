"""Audit entries on their way into Postgres. Fed by the API."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class AuditMetrics:
    """How many entries wait, and how many never became a row."""

    def __init__(self, registry: CollectorRegistry) -> None:
        waiting = "Audit entries that wait until Postgres can take them."
        self.waiting = Gauge("perdure_audit_waiting_entries", waiting, registry=registry)
        lost = "Audit entries that became a line of the log and no row: too many waited, or the API ended."
        self.lost = Counter("perdure_audit_lost_entries", lost, registry=registry)
