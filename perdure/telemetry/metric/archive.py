"""How far the archive of histories is. Fed by the leading worker."""

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge


class ArchiveMetrics:
    """What was kept, and how long there is still time to keep the next one."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        told = "Histories of closed runs that this worker has archived."
        self._kept = Counter("perdure_archived_histories", told, registry=registry)
        told = "Bytes that they take, compressed."
        self._bytes = Counter("perdure_archived_bytes", told, registry=registry)
        told = "Until Temporal may remove a history that is not archived yet; 0: not known, this worker does not lead."
        self._margin = Gauge("perdure_archive_margin_seconds", told, registry=registry)
        # Asked at each scrape: it goes on falling where the archiver is stuck.
        self._margin.set_function(self._left)
        told = "How long Temporal keeps closed runs; 0: not known, this worker does not lead."
        self._retention = Gauge("perdure_archive_retention_seconds", told, registry=registry)
        self._reached: tuple[datetime, timedelta] | None = None

    def kept(self, number: int, size: int) -> None:
        """So many more histories were kept, in so many bytes."""
        self._kept.inc(number)
        self._bytes.inc(size)

    def at(self, watermark: datetime, retention: timedelta) -> None:
        """What closed before `watermark` is kept."""
        self._reached = watermark, retention
        self._retention.set(retention.total_seconds())

    def unknown(self) -> None:
        """Another worker archives now."""
        self._reached = None
        self._retention.set(0)

    def _left(self) -> float:
        if self._reached is None:
            return 0.0
        watermark, retention = self._reached
        return (watermark + retention - datetime.now(UTC)).total_seconds()
