"""The tracing of one process, handed to whoever makes spans. Made by `process`; without an exporter it costs next to
nothing.

Ids are made and handed on also where nothing is exported: logs, problems and partners use them. Spans are built when
they end, whole: the SDK's own, which can be changed at any time, cost four times as much (decision 0014).
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision, ParentBased, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, format_span_id, format_trace_id
from opentelemetry.trace.status import Status, StatusCode

import perdure
from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import KEPT, Attributes, nanoseconds

SCOPE = InstrumentationScope("perdure", perdure.__version__)
FLUSH_SECONDS = 3.0
"""How long the end of a process waits for spans to be sent."""

_ids = RandomIdGenerator()
_ROOT = Context()
_WELL = Status(StatusCode.UNSET)


@dataclass(frozen=True, slots=True)
class Told:
    """A span that is told once it is over, by somebody else than who lived it.

    `span_id` is given where others had to know it before. `error`: why it failed, as a code. `kept`: exported also
    from a trace that is not sampled.
    """

    name: str
    parent: TraceContext
    start: datetime
    end: datetime
    attributes: Attributes
    span_id: str | None = None
    error: str | None = None
    kept: bool = False
    links: Sequence[TraceContext] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """Where spans go, and who is said to tell them."""

    out: SpanProcessor
    resource: Resource


class OpenSpan:
    """A span that began; nobody hears of it unless it ends. `place` is for what happens within it."""

    __slots__ = ("_kind", "_name", "_parent", "_start", "_tracing", "place")

    def __init__(
        self, tracing: "Tracing", name: str, parent: TraceContext | None, place: TraceContext, kind: SpanKind
    ) -> None:
        self._tracing = tracing
        self._name = name
        self._parent = parent
        self._kind = kind
        self._start = time.time_ns()
        self.place = place

    def end(self, attributes: Attributes, error: str | None = None, name: str | None = None) -> None:
        """It is over. `error`: why it failed, as a code; `name`: a better one than at its beginning."""
        if self.place.sampled or error is not None:
            span = _span(name or self._name, self.place, self._parent, attributes, error)
            self._tracing.export(span, self._start, time.time_ns(), kind=self._kind)


@dataclass(frozen=True, slots=True)
class _Span:
    name: str
    place: TraceContext
    parent: TraceContext | None
    attributes: Attributes
    error: str | None
    links: Sequence[TraceContext] = ()
def _within(parent: TraceContext | None) -> Context:
    # Never what happens to be current: a parent is said, or there is none.
    return _ROOT if parent is None else set_span_in_context(remote_span(parent), _ROOT)
