"""Which spans leave a process, in what form, and that a receiver that is down is one warning."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace.status import StatusCode
from structlog.testing import capture_logs

from perdure.contract.trace import TraceContext
from perdure.telemetry.trace.attribute import LONGEST, nanoseconds, told
from perdure.telemetry.trace.current import current_place, within
from perdure.telemetry.trace.exporter import CalmExporter
from perdure.telemetry.trace.process import open_tracing, receiver
from perdure.telemetry.trace.processor import PluginSpans
from perdure.telemetry.trace.sampling import KeepFailures
from perdure.telemetry.trace.tracing import Told, Tracing, Way

PLACE = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
UNSAMPLED = PLACE._replace(sampled=False)


class Bench:
    """A tracing whose spans stay in memory; `plugin` makes them as steps of plugins do."""

    def __init__(self, sampler: Sampler) -> None:
        self.memory = InMemorySpanExporter()
        out = SimpleSpanProcessor(self.memory)
        provider = TracerProvider(KeepFailures(sampler), Resource({}), shutdown_on_exit=False)
        provider.add_span_processor(PluginSpans(out))
        self.plugin = provider.get_tracer("test")
        self.tracing = Tracing(sampler, Way(out, provider.resource))

    @property
    def exported(self) -> Sequence[ReadableSpan]:
        return self.memory.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.exported]


@pytest.fixture
def bench() -> Bench:
    return Bench(ParentBased(ALWAYS_ON))


def tell(bench: Bench, parent: TraceContext, *, error: str | None = None, kept: bool = False) -> None:
    name = error or ("kept" if kept else "told")
    bench.tracing.tell(Told(name, bench.tracing.place(parent), parent, 5, 7, {}, error=error, kept=kept))


def test_a_span_of_a_sampled_trace_is_exported_under_its_parent(bench: Bench) -> None:
    span = bench.tracing.begin("step", PLACE)
    span.end({"attempt": 1})
    (found,) = bench.exported
    assert found.parent is not None
    assert (f"{found.context.trace_id:032x}", f"{found.parent.span_id:016x}") == PLACE[:2]
    assert f"{found.context.span_id:016x}" == span.place.span_id != PLACE.span_id
    assert dict(found.attributes or {}) == {"attempt": 1}
    assert 0 < (found.start_time or 0) <= (found.end_time or 0)


def test_of_an_unsampled_trace_only_failures_are_exported(bench: Bench) -> None:
    bench.tracing.begin("good", UNSAMPLED).end({})
    bench.tracing.begin("bad", UNSAMPLED).end({}, "STEP.FAILED")
    tell(bench, UNSAMPLED)
    tell(bench, UNSAMPLED, error="WORKER.LOST")
    tell(bench, UNSAMPLED, kept=True)
    assert bench.names == ["bad", "WORKER.LOST", "kept"]
    assert dict(bench.exported[-1].attributes or {}) == {"perdure.kept": True}


def test_a_span_that_does_not_end_is_heard_of_by_nobody(bench: Bench) -> None:
    bench.tracing.begin("lost", PLACE)
    assert bench.names == []


def test_an_unsampled_place_is_unsampled_to_everybody_downstream(bench: Bench) -> None:
    assert not bench.tracing.begin("step", UNSAMPLED).place.sampled
    assert bench.tracing.begin("step", PLACE).place.sampled


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, TraceIdRatioBased(0.0)])
def test_a_sampler_that_minds_no_parent_decides_for_all(sampler: Sampler) -> None:
    bench = Bench(sampler)
    bench.tracing.begin("good", None).end({})
    bench.tracing.begin("good too", PLACE).end({})
    bench.tracing.begin("bad", PLACE).end({}, "STEP.FAILED")
    assert bench.names == ["bad"]


def test_a_ratio_takes_about_that_many_traces_whole() -> None:
    tracing = Bench(ParentBased(TraceIdRatioBased(0.25))).tracing
    roots = [tracing.place(None) for _ in range(2_000)]
    assert 350 < sum(root.sampled for root in roots) < 650
    assert all(tracing.place(root).sampled is root.sampled for root in roots)


def test_a_failure_says_why_and_links_are_kept(bench: Bench) -> None:
    told_ = Told("told", PLACE, None, 5, 7, {}, error="STEP.TIMEOUT", links=[UNSAMPLED])
    bench.tracing.tell(told_)
    (found,) = bench.exported
    assert (found.parent, found.start_time, found.end_time) == (None, 5, 7)
    assert (found.status.status_code, found.status.description) == (StatusCode.ERROR, "STEP.TIMEOUT")
    assert [link.context.span_id for link in found.links] == [int(UNSAMPLED.span_id, 16)]


def test_a_span_never_ends_before_it_began(bench: Bench) -> None:
    bench.tracing.tell(Told("told", PLACE, None, 7, 5, {}))
    assert bench.exported[0].end_time == 7


def test_times_are_exact_to_the_microsecond() -> None:
    assert nanoseconds(datetime(2026, 11, 22, 12, 0, 0, 123_457, UTC)) == 1_795_348_800_123_457_000


def test_spans_that_a_step_makes_itself_have_its_fields_and_none_of_its_secrets(bench: Bench) -> None:
    def mask(text: str) -> str:
        return text.replace("hunter2", "***")

    about: dict[str, str | int] = {"job_id": "acme:a", "step_id": "call", "attempt": 2, "tenant": "acme"}
    with within(PLACE, mask, about), bench.plugin.start_as_current_span("query hunter2") as span:
        span.set_attribute("db.statement", "login hunter2")
        span.set_attribute("words", ["a", "hunter2"])
        span.record_exception(ValueError("hunter2 is wrong"))
        span.set_status(StatusCode.ERROR, "no hunter2")
        inner = current_place()
    (found,) = bench.exported
    attributes = dict(found.attributes or {})
    assert found.parent is not None
    assert f"{found.parent.span_id:016x}" == PLACE.span_id
    assert {name: attributes[name] for name in about} == about
    assert (attributes["db.statement"], attributes["words"]) == ("login ***", ("a", "***"))
    assert "hunter2" not in found.to_json()
    assert inner is not None  # an outgoing call of the step would be under the step's own span
    assert inner.span_id == f"{found.context.span_id:016x}"


def test_of_what_a_step_makes_itself_failures_are_kept_too(bench: Bench) -> None:
    with within(UNSAMPLED, str, {}):
        bench.plugin.start_span("good").end()
        bad = bench.plugin.start_span("bad")
        bad.set_status(StatusCode.ERROR)
        bad.end()
    assert bench.names == ["bad"]


@pytest.mark.parametrize("about", [None, {}])
def test_outside_of_any_trace_there_is_no_place(about: dict[str, str | int] | None) -> None:
    assert current_place() is None
    with within(UNSAMPLED, str, about):
        assert current_place() == UNSAMPLED
        with within(PLACE, str, about):
            assert current_place() == PLACE
        assert current_place() == UNSAMPLED
    assert current_place() is None


def test_without_an_exporter_ids_are_made_and_handed_on_and_nothing_is_told() -> None:
    tracing = Tracing()
    assert not tracing.exports
    made = tracing.place(None)
    assert (len(made.trace_id), len(made.span_id), made.sampled) == (32, 16, True)
    assert tracing.place(None).trace_id != made.trace_id
    # A place of which no span will ever be told would leave those beneath it without a parent.
    assert tracing.begin("step", PLACE).place == PLACE
    tracing.tell(Told("told", PLACE, None, 5, 7, {}))
    tracing.shutdown()


def test_the_sampler_decides_also_where_nothing_is_exported() -> None:
    assert not Tracing(ALWAYS_OFF).place(None).sampled


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
    assert not open_tracing("api").place(None).sampled


def test_what_is_said_of_the_receiver_holds_no_password() -> None:
    assert receiver("https://user:hunter2@traces.example:4318/v1?key=hunter2") == "https://traces.example:4318"


def test_the_process_is_left_as_it_was_where_nothing_is_exported(variables: pytest.MonkeyPatch) -> None:
    before = trace.get_tracer_provider()
    open_tracing("worker")
    assert trace.get_tracer_provider() is before
