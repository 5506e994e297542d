"""What becomes of spans that a step makes itself, by OpenTelemetry's own means: as those of Perdure. Used by `process`.

They get the fixed fields of their attempt, lose its secrets, and are exported where the trace is sampled or they
failed.
"""

from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import Attributes

from perdure.telemetry.trace.current import Mask, surroundings


class PluginSpans(SpanProcessor):
    """Hands sampled and failed spans to the next processor."""

    def __init__(self, following: SpanProcessor) -> None:
        self._following = following

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the interface
        """Say what a span within an attempt is about."""
        if about := surroundings().about:
            span.set_attributes(about)

    def on_end(self, span: ReadableSpan) -> None:
        """Decide about a span that ended."""
        if span.context.trace_flags.sampled or span.status.status_code is StatusCode.ERROR:
            self._following.on_end(_exported(span, surroundings().mask))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is left."""
        return self._following.force_flush(timeout_millis)


def _exported(span: ReadableSpan, mask: Mask) -> ReadableSpan:
    """The span as it leaves: marked as sampled, as the SDK's batches hold nothing else, and masked."""
    description = span.status.description
    return ReadableSpan(
        name=mask(span.name),
        context=_sampled(span.context),
        parent=span.parent,
        resource=span.resource,
        attributes=_masked(span.attributes, mask),
        events=_masked_events(span.events, mask),
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, mask(description)) if description else span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _sampled(context: SpanContext) -> SpanContext:
    flags = TraceFlags(context.trace_flags | TraceFlags.SAMPLED)
    return SpanContext(context.trace_id, context.span_id, context.is_remote, flags, context.trace_state)


def _masked_events(events: Sequence[Event], mask: Mask) -> Sequence[Event]:
    """Among them exceptions that a step recorded, whose messages and stacks may quote secrets."""
    return [Event(mask(event.name), _masked(event.attributes, mask), event.timestamp) for event in events]


def _masked(attributes: Attributes, mask: Mask) -> dict[str, Any]:
    return {name: _masked_value(value, mask) for name, value in (attributes or {}).items()}


def _masked_value(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, tuple):
        return tuple(mask(part) if isinstance(part, str) else part for part in value)
    return value
