"""The tracing of one process, handed to whoever makes spans. Made by `process`; costs next to nothing without one.

Ids are made and handed on also where nothing is exported: logs, problems and partners use them. Spans are built as
they end, whole: the SDK's own, which anybody may change at any time, cost several times as much (decision 0014).
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

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
from perdure.telemetry.trace.attribute import KEPT, Attributes

SCOPE = InstrumentationScope("perdure", perdure.__version__)
FLUSH_SECONDS = 3.0
"""How long the end of a process waits for spans to be sent."""

_ids = RandomIdGenerator()
_NO_PARENT = Context()
_WELL = Status(StatusCode.UNSET)
_CHOSEN = TraceFlags(TraceFlags.SAMPLED)


@dataclass(frozen=True, slots=True)
class Told:
    """A span that is over. Times are Unix nanoseconds.

    `place` is its own; `error` why it failed, as a code. Exported where its trace is sampled, where it failed, and
    where `kept` says so.
    """

    name: str
    place: TraceContext
    parent: TraceContext | None
    start: int
    end: int
    attributes: Attributes
    kind: SpanKind = SpanKind.INTERNAL
    error: str | None = None
    kept: bool = False
    links: Sequence[TraceContext] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """Where spans go, and who is said to tell them."""

    out: SpanProcessor
    resource: Resource


class Tracing:
    """Makes places in traces, and tells spans. `sampler` decides about new traces also where nothing is exported."""

    def __init__(self, sampler: Sampler = DEFAULT_ON, way: Way | None = None) -> None:
        self._sampler = sampler
        self._follows_parents = isinstance(sampler, ParentBased)
        self._way = way

    @property
    def exports(self) -> bool:
        """Whether spans go anywhere."""
        return self._way is not None

    def place(self, parent: TraceContext | None) -> TraceContext:
        """A new place under `parent`, or in a new trace. Where nothing is exported, `parent` itself will do."""
        if parent is None:
            trace_id = _ids.generate_trace_id()
            found = format_trace_id(trace_id)
            return TraceContext(found, format_span_id(_ids.generate_span_id()), self._samples(trace_id))
        if self._way is None:
            return parent
        sampled = parent.sampled if self._follows_parents else self._samples(int(parent.trace_id, 16))
        return TraceContext(parent.trace_id, format_span_id(_ids.generate_span_id()), sampled)

    def begin(self, name: str, parent: TraceContext | None, kind: SpanKind = SpanKind.INTERNAL) -> "OpenSpan":
        """A span from now until its `end`."""
        return OpenSpan(self, name, parent, self.place(parent), kind)

    def tell(self, told: Told) -> None:
        """Export a span, unless its trace is not sampled and it is none that is kept all the same."""
        if self._way is not None and (told.place.sampled or told.error is not None or told.kept):
            self._way.out.on_end(_exported(told, self._way.resource))

    def shutdown(self) -> None:
        """Send what is left, for `FLUSH_SECONDS` at most; the process ends after this."""
        if self._way is None:
            return
        # The SDK waits ten times as long for a receiver that does not answer.
        sending = threading.Thread(target=self._way.out.shutdown, name="last-spans", daemon=True)
        sending.start()
        sending.join(FLUSH_SECONDS)

    def _samples(self, trace_id: int) -> bool:
        return self._sampler.should_sample(_NO_PARENT, trace_id, "").decision is Decision.RECORD_AND_SAMPLE


class OpenSpan:
    """A span that began. `place` is for what happens within it; nobody hears of it before its `end`."""

    __slots__ = ("_kind", "_name", "_parent", "_start", "_tracing", "place")

    def __init__(
        self, tracing: Tracing, name: str, parent: TraceContext | None, place: TraceContext, kind: SpanKind
    ) -> None:
        self._tracing = tracing
        self._name = name
        self._parent = parent
        self._kind = kind
        self._start = time.time_ns()
        self.place = place

    def end(self, attributes: Attributes, error: str | None = None, name: str | None = None) -> None:
        """It is over. `error`: why it failed, as a code; `name`: a better one than that of its beginning."""
        now = time.time_ns()
        known = name or self._name
        told = Told(known, self.place, self._parent, self._start, now, attributes, self._kind, error)
        self._tracing.tell(told)


def otel_context(place: TraceContext) -> SpanContext:
    """The place for OpenTelemetry; as something of another process."""
    flags = _CHOSEN if place.sampled else TraceFlags.get_default()
    return SpanContext(int(place.trace_id, 16), int(place.span_id, 16), True, flags)


def _exported(told: Told, resource: Resource) -> ReadableSpan:
    # Marked as sampled in any case: the SDK's batches hold nothing else.
    context = SpanContext(int(told.place.trace_id, 16), int(told.place.span_id, 16), False, _CHOSEN)
    return ReadableSpan(
        name=told.name,
        context=context,
        parent=told.parent and otel_context(told.parent),
        resource=resource,
        attributes={**told.attributes, KEPT: True} if told.kept else told.attributes,
        links=[Link(otel_context(link)) for link in told.links],
        kind=told.kind,
        status=_WELL if told.error is None else Status(StatusCode.ERROR, told.error),
        start_time=told.start,
        end_time=max(told.start, told.end),
        instrumentation_scope=SCOPE,
    )
