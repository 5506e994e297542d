"""What the code that runs now belongs to: the span, the fixed fields, the secrets. Set by the step wrapper.

Outgoing calls and spans that a plugin makes itself take from here what they are about and what they must not say.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import context, trace
from opentelemetry.trace import Span

from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import Attributes

Mask = Callable[[str], str]
"""Replaces the secrets in a text."""


def _nothing_to_mask(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`about`: the fixed fields that every span within has."""

    mask: Mask = _nothing_to_mask
    about: Attributes = field(default_factory=dict)


_surroundings: ContextVar[Surroundings] = ContextVar("perdure_surroundings", default=Surroundings())  # noqa: B039 - frozen
_INHERITED = ("job_id", "parent_job_id", "step_id", "attempt", "trace_id", "tenant")


@contextmanager
def current(span: Span, mask: Mask, about: Attributes | None = None) -> Iterator[None]:
    """What runs in this block, and the tasks it starts, belongs to `span`."""
    token = context.attach(trace.set_span_in_context(span))
    reset = _surroundings.set(Surroundings(mask, _inherited(about or {})))
    try:
        yield
    finally:
        _surroundings.reset(reset)
        context.detach(token)


def current_place() -> TraceContext | None:
    """Where in which trace the caller is; None outside of any."""
    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return None
    return TraceContext(
        trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id), found.trace_flags.sampled
    )


def surroundings() -> Surroundings:
    """What the caller belongs to."""
    return _surroundings.get()


def _inherited(about: Mapping[str, str | int]) -> Attributes:
    return {name: about[name] for name in _INHERITED if name in about}
