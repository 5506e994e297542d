"""Which spans leave a process, in what form, and that a receiver that is down is one warning."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Span
from opentelemetry.trace.status import StatusCode
from structlog.testing import capture_logs

from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import LONGEST, told
from perdure.telemetry.trace.current import current, current_place
from perdure.telemetry.trace.exporter import CalmExporter
from perdure.telemetry.trace.process import open_tracing, receiver
from perdure.telemetry.trace.processor import KeptSpans
from perdure.telemetry.trace.sampling import KeepFailures
from perdure.telemetry.trace.tracing import Pipeline, Told, Tracing, context_of_span, remote_span

PLACE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
UNSAMPLED = PLACE._replace(sampled=False)
NOW = datetime(2026, 11, 22, 12, 0, 0, 123_456, UTC)


class Bench:
    """A tracing whose spans stay in memory."""

    def __init__(self, sampler: Sampler) -> None:
        self.memory = InMemorySpanExporter()
        way_out = KeptSpans(SimpleSpanProcessor(self.memory))
        provider = TracerProvider(KeepFailures(sampler), Resource({}), shutdown_on_exit=False)
        provider.add_span_processor(way_out)
        self.tracer = provider.get_tracer("test")
        self.tracing = Tracing(sampler, Pipeline(self.tracer, provider.resource, way_out))

    @property
    def exported(self) -> Sequence[ReadableSpan]:
        return self.memory.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.exported]


@pytest.fixture
def bench() -> Bench:
    return Bench(ParentBased(ALWAYS_ON))


def fail(span: Span) -> None:
    span.set_status(StatusCode.ERROR, "STEP.FAILED")
    span.end()


def tell(bench: Bench, parent: TraceContext, **fields: object) -> None:
    given = {"name": "told", "parent": parent, "start": NOW, "end": NOW + timedelta(seconds=1), "attributes": {}}
    bench.tracing.tell(Told(**given | fields))  # type: ignore[arg-type]


def test_a_span_of_a_sampled_trace_is_exported_under_its_parent(bench: Bench) -> None:
    span = bench.tracing.begin("step", PLACE, attributes={"attempt": 1})
    span.end()
    (found,) = bench.exported
    assert found.parent is not None
    assert (f"{found.context.trace_id:032x}", f"{found.parent.span_id:016x}") == PLACE[:2]
    assert dict(found.attributes or {}) == {"attempt": 1}


def test_of_an_unsampled_trace_only_failures_are_exported(bench: Bench) -> None:
    bench.tracing.begin("good", UNSAMPLED).end()
    fail(bench.tracing.begin("bad", UNSAMPLED))
    tell(bench, UNSAMPLED, name="told good")
    tell(bench, UNSAMPLED, name="told bad", error="STEP.FAILED")
    tell(bench, UNSAMPLED, name="told and kept", kept=True)
    assert bench.names == ["bad", "told bad", "told and kept"]


def test_an_unsampled_span_is_unsampled_to_everybody_downstream(bench: Bench) -> None:
    span = bench.tracing.begin("good", UNSAMPLED)
    assert not context_of_span(span).sampled
    assert span.is_recording()


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, TraceIdRatioBased(0.0)])
def test_what_the_sampler_drops_is_kept_when_it_fails(sampler: Sampler) -> None:
    bench = Bench(sampler)
    bench.tracing.begin("good", None).end()
    fail(bench.tracing.begin("bad", None))
    tell(bench, PLACE, name="told")
    assert bench.names == ["bad"]


def test_a_span_is_told_with_its_own_times_id_error_and_links(bench: Bench) -> None:
    tell(bench, PLACE, span_id="00000000000000ab", error="STEP.TIMEOUT", links=[UNSAMPLED])
    (found,) = bench.exported
    assert found.context.span_id == 0xAB
    assert found.start_time == 1_795_348_800_123_456_000
    assert (found.end_time or 0) - found.start_time == 1_000_000_000
    assert (found.status.status_code, found.status.description) == (StatusCode.ERROR, "STEP.TIMEOUT")
    assert [link.context.span_id for link in found.links] == [int(UNSAMPLED.span_id, 16)]


def test_a_told_span_never_ends_before_it_began(bench: Bench) -> None:
    tell(bench, PLACE, end=NOW - timedelta(seconds=5))
    (found,) = bench.exported
    assert found.end_time == found.start_time


def test_a_parent_is_said_and_never_what_happens_to_be_current(bench: Bench) -> None:
    with current(remote_span(PLACE), str):
        bench.tracing.begin("root", None).end()
    (found,) = bench.exported
    assert found.parent is None


def test_spans_that_a_step_makes_itself_have_its_fields_and_none_of_its_secrets(bench: Bench) -> None:
    def mask(text: str) -> str:
        return text.replace("hunter2", "***")

    attempt = bench.tracing.begin("attempt", PLACE)
    about: dict[str, str | int] = {
        "job_id": "acme:a",
        "step_id": "call",
        "attempt": 2,
        "status": "RUNNING",
        "tenant": "acme",
    }
    with current(attempt, mask, about), bench.tracer.start_as_current_span("query hunter2") as span:
        span.set_attribute("db.statement", "login hunter2")
        span.set_attribute("words", ["a", "hunter2"])
        span.record_exception(ValueError("hunter2 is wrong"))
        span.set_status(StatusCode.ERROR, "no hunter2")
    (found,) = bench.exported
    attributes = dict(found.attributes or {})
    assert found.parent is not None
    assert found.parent.span_id == attempt.get_span_context().span_id
    assert (attributes["job_id"], attributes["step_id"], attributes["attempt"]) == ("acme:a", "call", 2)
    assert "status" not in attributes
    assert (attributes["db.statement"], attributes["words"]) == ("login ***", ("a", "***"))
    assert "hunter2" not in found.to_json()


def test_outside_of_any_trace_there_is_no_place() -> None:
    assert current_place() is None
    with current(remote_span(UNSAMPLED), str):
        assert current_place() == UNSAMPLED
    assert current_place() is None


def test_without_an_exporter_ids_are_made_and_handed_on_and_nothing_is_told() -> None:
    tracing = Tracing()
    assert not tracing.exports
    made = tracing.new_trace()
    assert (len(made.trace_id), len(made.span_id), made.sampled) == (32, 16, True)
    assert tracing.new_trace().trace_id != made.trace_id
    span = tracing.begin("step", PLACE)
    assert not span.is_recording()
    assert context_of_span(span) == PLACE
    tracing.tell(Told("told", PLACE, NOW, NOW, {}))
    tracing.shutdown()


def test_the_sampler_decides_also_where_nothing_is_exported() -> None:
    assert not Tracing(ALWAYS_OFF).new_trace().sampled


def test_attributes_that_do_not_apply_are_left_out_and_texts_of_people_are_cut() -> None:
    found = told(job_id="acme:order-1", step_id=None, attempt=0, reason="x" * 2_000)
    assert found == {"job_id": "acme:order-1", "tenant": "acme", "attempt": 0, "reason": "x" * LONGEST}


class Shaky(SpanExporter):
    """Answers in turn; an exception is raised."""

    def __init__(self, *answers: SpanExportResult | Exception) -> None:
        self.answers: Iterator[SpanExportResult | Exception] = iter(answers)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the interface
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_receiver_that_is_down_is_one_warning_and_one_line_when_it_is_back() -> None:
    failure, success = SpanExportResult.FAILURE, SpanExportResult.SUCCESS
    shaky = Shaky(success, failure, OSError("gone"), failure, success, success, failure)
    exporter = CalmExporter(shaky, "http://collector:4318")
    span = ReadableSpan("any")
    with capture_logs() as lines:
        results = [exporter.export([span, span]) for _ in range(7)]
    assert [result is success for result in results] == [True, False, False, False, True, True, False]
    assert [(line["log_level"], line.get("lost")) for line in lines] == [
        ("warning", None),
        ("info", 6),
        ("warning", None),
    ]
    assert lines[0]["receiver"] == "http://collector:4318"


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SDK_DISABLED", "TRACES_EXPORTER", "TRACES_SAMPLER", "TRACES_SAMPLER_ARG"):
        monkeypatch.delenv(f"OTEL_{name}", raising=False)
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "PROTOCOL", "TRACES_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    return monkeypatch


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        ENDPOINT | {"OTEL_SDK_DISABLED": "True"},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_exported_unless_asked_for(variables: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    for name, value in given.items():
        variables.setenv(name, value)
    with capture_logs() as lines:
        tracing = open_tracing("worker")
    assert (tracing.exports, lines) == (False, [])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "http/protobuf"),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "jaeger"}, "jaeger"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "not a URL"),
        (ENDPOINT | {"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "max_queue_size"),
    ],
)
def test_what_cannot_be_used_is_said_once_and_stops_nothing(
    variables: pytest.MonkeyPatch, given: dict[str, str], named: str
) -> None:
    for name, value in given.items():
        variables.setenv(name, value)
    with capture_logs() as lines:
        tracing = open_tracing("worker")
    assert not tracing.exports
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("traces are not exported", "error")
    assert named in line["problem"]


def test_the_sampler_of_the_environment_is_used_without_an_exporter_too(variables: pytest.MonkeyPatch) -> None:
    variables.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert not open_tracing("api").new_trace().sampled


def test_what_is_said_of_the_receiver_holds_no_password() -> None:
    assert receiver("https://user:hunter2@traces.example:4318/v1?key=hunter2") == "https://traces.example:4318"


def test_the_process_is_left_as_it_was_where_nothing_is_exported(variables: pytest.MonkeyPatch) -> None:
    before = trace.get_tracer_provider()
    open_tracing("worker")
    assert trace.get_tracer_provider() is before
