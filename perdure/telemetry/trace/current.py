"""What the code that runs now belongs to: its place in a trace, the fixed fields, the secrets. Set by the step wrapper.

Outgoing calls and spans that a plugin makes itself take from here what they are about and what they must not say.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan

from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import Attributes
from perdure.telemetry.trace.tracing import otel_context

Mask = Callable[[str], str]
"""Replaces the secrets in a text."""


def _nothing_to_mask(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`about`: the fixed fields that every span within has."""

    place: TraceContext | None = None
    mask: Mask = _nothing_to_mask
    about: Attributes = field(default_factory=dict)


_NONE = Surroundings()
_surroundings: ContextVar[Surroundings] = ContextVar("perdure_surroundings")


@contextmanager
def within(place: TraceContext, mask: Mask, about: Attributes | None = None) -> Iterator[None]:
    """What runs in this block, and the tasks it starts, belongs to `place`.

    With `about`, which says that spans are exported, OpenTelemetry knows the place too: a plugin's spans are there.
    """
    found = _surroundings.set(Surroundings(place, mask, about or {}))
    token = None
    if about is not None:
        token = context.attach(trace.set_span_in_context(NonRecordingSpan(otel_context(place))))
    try:
        yield
    finally:
        if token is not None:
            context.detach(token)
        _surroundings.reset(found)


def surroundings() -> Surroundings:
    """What the caller belongs to."""
    return _surroundings.get(_NONE)


def current_place() -> TraceContext | None:
    """Where in which trace the caller is, in a span of a plugin too; None outside of any."""
    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return surroundings().place
    trace_id, span_id = trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id)
    return TraceContext(trace_id, span_id, found.trace_flags.sampled)
