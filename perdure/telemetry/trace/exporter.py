"""The exporter of spans as the process bears it: a receiver that is down is one warning. Used by `process`."""

from collections.abc import Sequence

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_log = structlog.get_logger("perdure.trace")


class CalmExporter(SpanExporter):
    """Says once that spans get lost, and once that they do no longer. Called by one thread at a time."""

    def __init__(self, inner: SpanExporter, receiver: str) -> None:
        self._inner = inner
        self._receiver = receiver
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand a batch on; never raises."""
        try:
            result = self._inner.export(spans)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it must not end the thread that exports
            self._failed(len(spans), problem=repr(problem))
            return SpanExportResult.FAILURE
        if result is not SpanExportResult.SUCCESS:
            self._failed(len(spans))
        elif self._lost:
            _log.info("spans are exported again", receiver=self._receiver, lost=self._lost)
            self._lost = 0
        return result

    def _failed(self, count: int, **fields: str) -> None:
        if not self._lost:
            _log.warning("spans cannot be exported and get lost until they can", receiver=self._receiver, **fields)
        self._lost += count

    def shutdown(self) -> None:
        """No more exports."""
        self._inner.shutdown()
