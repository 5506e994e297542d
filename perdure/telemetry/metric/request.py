"""Requests to the API. Fed by its middleware."""

from prometheus_client import CollectorRegistry, Gauge, Histogram

UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class RequestMetrics:
    """Duration and number by method, route template and status class; never by path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._duration = Histogram(
            "perdure_api_request_duration_seconds",
            "Requests answered, from the first byte in to the last byte out.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.in_progress = Gauge(
            "perdure_api_requests_in_progress", "Requests being answered, streams among them.", registry=registry
        )

    def answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """A request was answered. `route` is the template that matched, if one did."""
        method = method if method in _METHODS else "other"
        self._duration.labels(method, route or UNMATCHED, f"{status // 100}xx").observe(seconds)
