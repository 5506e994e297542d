"""Counting: what is counted, what is not, and how many series there can be."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from perdure.contract.error import ErrorClass
from perdure.contract.journal import JournalType
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection.record import JobRecord, JournalEvent, StepRecord
from perdure.telemetry.metric.attempt import AttemptMetrics
from perdure.telemetry.metric.census import CensusMetrics, JobCensus, QueueBacklog
from perdure.telemetry.metric.job import JobMetrics
from perdure.telemetry.metric.label import MOST_QUEUES, MOST_TYPES, OTHER, BoundedLabel, Labels
from perdure.telemetry.metric.projection import ProjectionMetrics, ProjectionState
from perdure.telemetry.metric.reference import families, render
from perdure.telemetry.metric.registry import ProcessMetrics
from perdure.telemetry.metric.request import RequestMetrics

ROOT = Path(__file__).parents[2]
BEGAN = datetime(2026, 11, 22, tzinfo=UTC)


def job(**fields: Any) -> JobRecord:
    usual: dict[str, Any] = {
        "id": "default:j",
        "tenant": "default",
        "name": "j",
        "type": "INLINE",
        "status": JobStatus.COMPLETED,
        "queue": "default",
        "priority": 3,
        "created_at": BEGAN,
        "queue_wait_ms": 500,
        "execution_ms": 2_000,
        "steps": [StepRecord(id="a", type="LOG", position=0, started_at=BEGAN)],
        "run_id": "r",
        "run_started_at": BEGAN,
        "last_event_id": 9,
    }
    return JobRecord(**usual | fields)


def row(type_: JournalType, **fields: Any) -> JournalEvent:
    usual: dict[str, Any] = {
        "job_id": "default:j",
        "run_id": "r",
        "run_started_at": BEGAN,
        "event_id": 1,
        "ordinal": 0,
        "type": type_,
        "at": BEGAN + timedelta(seconds=3),
    }
    return JournalEvent(**usual | fields)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def series(registry: CollectorRegistry) -> int:
    return sum(len(family.samples) for family in registry.collect())


def test_a_label_takes_what_is_known_and_the_first_others_up_to_its_limit() -> None:
    label = BoundedLabel(3, ["default"])
    assert [label.of(name) for name in ("a", "b", "c", "a", "default", "c")] == ["a", "b", OTHER, "a", "default", OTHER]


def test_each_journal_row_counts_in_the_counter_of_its_type() -> None:
    registry = CollectorRegistry()
    metrics = JobMetrics(registry, Labels())
    metrics.count(job(), [row(JournalType.JOB_SUBMITTED), row(JournalType.JOB_STARTED), row(JournalType.JOB_COMPLETED)])
    metrics.count(job(), [row(JournalType.JOB_DEAD_LETTERED), row(JournalType.JOB_RETRY_REQUESTED)])
    metrics.count(job(), [])
    of = {"type": "INLINE", "queue": "default"}
    counted = {
        name: value(registry, f"perdure_jobs_{name}_total", **of)
        for name in ("submitted", "started", "completed", "dead_lettered", "retried", "failed")
    }
    assert counted == {
        "submitted": 1, "started": 1, "completed": 1, "dead_lettered": 1, "retried": 1, "failed": 0,
    }  # fmt: skip
    assert value(registry, "perdure_job_duration_seconds_sum", **of, outcome="COMPLETED") == 2.0
    assert value(registry, "perdure_job_queue_wait_seconds_sum", **of) == 0.5


def test_the_counters_of_served_queues_are_there_before_the_first_job() -> None:
    registry = CollectorRegistry()
    JobMetrics(registry, Labels.serving(["default"]))
    assert value(registry, "perdure_jobs_failed_total", type="INLINE", queue="default") == 0


def test_the_other_counters_of_a_type_are_there_with_its_first_job() -> None:
    registry = CollectorRegistry()
    JobMetrics(registry, Labels()).count(job(type="REPORT", queue="night"), [row(JournalType.JOB_SUBMITTED)])
    assert value(registry, "perdure_jobs_failed_total", type="REPORT", queue="night") == 0


def test_the_counters_of_attempts_at_known_steps_are_there_before_the_first() -> None:
    registry = CollectorRegistry()
    metrics = AttemptMetrics(registry, Labels.serving(["default"], ["HTTP_CALL"]))
    before = series(registry)
    attempts, retries = "perdure_step_attempts_total", "perdure_step_retries_total"
    assert value(registry, attempts, type="HTTP_CALL", outcome="COMPLETED", error_class="") == 0
    assert value(registry, retries, type="HTTP_CALL", error_class="TRANSIENT") == 0
    for outcome, class_ in (
        (AttemptOutcome.FAILED, ErrorClass.TIMEOUT),
        (AttemptOutcome.FAILED, ErrorClass.PERMANENT),
        (AttemptOutcome.TIMED_OUT, ErrorClass.TIMEOUT),
        (AttemptOutcome.CANCELED, ErrorClass.CANCELED),
    ):
        assert value(registry, attempts, type="HTTP_CALL", outcome=outcome.value, error_class=class_.value) == 0
        metrics.failed("HTTP_CALL", outcome, class_, 0.1, again=class_.retryable)
    metrics.count_lost(job(), [])
    grown = series(registry) - before
    durations = sum(len(f.samples) for f in registry.collect() if f.name == "perdure_step_attempt_duration_seconds")
    assert grown == durations, "no counter appeared"


def test_a_step_s_duration_is_from_its_first_start_to_its_end() -> None:
    registry = CollectorRegistry()
    ended = row(JournalType.STEP_COMPLETED, step_id="a", status=StepStatus.COMPLETED)
    never_started = row(JournalType.STEP_COMPLETED, step_id="unknown", status=StepStatus.COMPLETED)
    JobMetrics(registry, Labels()).count(job(), [ended, never_started])
    assert value(registry, "perdure_step_duration_seconds_sum", type="LOG", outcome="COMPLETED") == 3.0
    assert value(registry, "perdure_step_duration_seconds_count", type="LOG", outcome="COMPLETED") == 1


def test_attempts_are_counted_by_outcome_and_class() -> None:
    registry = CollectorRegistry()
    metrics = AttemptMetrics(registry)
    metrics.failed("HTTP_CALL", AttemptOutcome.FAILED, ErrorClass.TRANSIENT, 0.2, again=True)
    metrics.failed("HTTP_CALL", AttemptOutcome.FAILED, ErrorClass.PERMANENT, 0.2, again=False)
    metrics.completed("HTTP_CALL", 0.1)
    name, of = "perdure_step_attempts_total", {"type": "HTTP_CALL"}
    assert value(registry, name, **of, outcome="FAILED", error_class="TRANSIENT") == 1
    assert value(registry, name, **of, outcome="FAILED", error_class="PERMANENT") == 1
    assert value(registry, name, **of, outcome="COMPLETED", error_class="") == 1
    assert value(registry, "perdure_step_retries_total", **of, error_class="TRANSIENT") == 1
    assert value(registry, "perdure_step_retries_total", **of, error_class="PERMANENT") is None


def test_a_lost_attempt_is_counted_from_the_journal_only() -> None:
    registry = CollectorRegistry()
    metrics = AttemptMetrics(registry)
    metrics.failed("LOG", AttemptOutcome.LOST, ErrorClass.LOST, 0.1, again=True)
    of = {"type": "LOG", "outcome": "LOST", "error_class": "LOST"}
    assert value(registry, "perdure_step_attempts_total", **of) is None
    lost = row(JournalType.STEP_ATTEMPT_FAILED, step_id="a", outcome=AttemptOutcome.LOST)
    other = row(JournalType.STEP_ATTEMPT_FAILED, step_id="a", outcome=AttemptOutcome.FAILED)
    metrics.count_lost(job(), [lost, other])
    assert value(registry, "perdure_step_attempts_total", **of) == 1


def test_slots_are_taken_and_freed() -> None:
    registry = CollectorRegistry()
    metrics = AttemptMetrics(registry, Labels.serving(["default"]))
    metrics.offer("default", 200)
    metrics.take_slot("default", "LOG", waited=-0.1)
    assert value(registry, "perdure_worker_slots", queue="default") == 200
    assert value(registry, "perdure_worker_slots_used", queue="default") == 1
    metrics.free_slot("default")
    assert value(registry, "perdure_worker_slots_used", queue="default") == 0


def test_a_census_sums_by_queue_and_tells_of_served_queues_without_jobs() -> None:
    registry = CollectorRegistry()
    census = CensusMetrics(registry, Labels.serving(["default"]), ("default",))
    assert series(registry) == 0
    census.jobs = JobCensus({("night", "DEAD_LETTERED"): 2, ("night", "RUNNING"): 1}, {"night": 60.0}, stuck=1)
    census.backlog = [QueueBacklog("default", "activity", 5, 2.5)]
    assert value(registry, "perdure_dead_letter_jobs", queue="night") == 2
    assert value(registry, "perdure_dead_letter_jobs", queue="default") == 0
    assert value(registry, "perdure_dead_letter_oldest_age_seconds", queue="night") == 60
    assert value(registry, "perdure_dead_letter_oldest_age_seconds", queue="default") == 0
    assert value(registry, "perdure_jobs_open", queue="night", status="RUNNING") == 1
    assert value(registry, "perdure_jobs_stuck") == 1
    assert value(registry, "perdure_queue_backlog_tasks", queue="default", kind="activity") == 5
    assert value(registry, "perdure_queue_backlog_age_seconds", queue="default", kind="activity") == 2.5
    census.jobs = None
    assert value(registry, "perdure_dead_letter_jobs", queue="night") is None


def test_the_projection_is_read_at_each_scrape() -> None:
    registry = CollectorRegistry()
    states = iter([ProjectionState(3, 1.5, 1, 4, leads=True), ProjectionState(0, 0.0, 0, 4, leads=False)])
    ProjectionMetrics(registry, lambda: next(states))
    found = {sample.name: sample.value for family in registry.collect() for sample in family.samples}
    assert found == {
        "perdure_projection_marks": 3,
        "perdure_projection_stalled_seconds": 1.5,
        "perdure_projection_set_aside_jobs": 1,
        "perdure_projection_set_aside_total": 4,
        "perdure_worker_leader": 1,
    }
    assert value(registry, "perdure_worker_leader") == 0


def test_whatever_clients_name_their_types_and_queues_series_stay_few() -> None:
    registry = CollectorRegistry()
    labels = Labels()
    jobs, attempts = JobMetrics(registry, labels), AttemptMetrics(registry, labels)
    census = CensusMetrics(registry, labels, ())
    for number in range(2_000):
        jobs.count(job(queue=f"q{number}"), [row(JournalType.JOB_SUBMITTED)])
        attempts.completed(f"TYPE_{number}", 0.1)
    census.jobs = JobCensus({(f"q{number}", "QUEUED"): 1 for number in range(2_000)}, {}, 0)
    submitted = [s for f in registry.collect() for s in f.samples if s.name == "perdure_jobs_submitted_total"]
    assert len(submitted) == MOST_QUEUES + 1
    assert sum(sample.value for sample in submitted) == 2_000
    opened = [s for f in registry.collect() for s in f.samples if s.name == "perdure_jobs_open"]
    assert len(opened) == MOST_QUEUES + 1
    assert sum(sample.value for sample in opened) == 2_000
    tried = [s for f in registry.collect() for s in f.samples if s.name == "perdure_step_attempts_total"]
    assert len(tried) == MOST_TYPES + 1


def test_requests_are_counted_by_template_never_by_path_or_odd_method() -> None:
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry)
    metrics.answered("GET", "/v1/jobs/{job_id}", 404, 0.1)
    metrics.answered("BREW", None, 405, 0.1)
    name = "perdure_api_request_duration_seconds_count"
    assert value(registry, name, method="GET", route="/v1/jobs/{job_id}", status="4xx") == 1
    assert value(registry, name, method="other", route="unmatched", status="4xx") == 1


@contextmanager
def serving(text: str) -> Iterator[str]:
    """The URL of an HTTP server that says this, as the SDK does on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
        server.shutdown()
        thread.join()


async def test_the_sdk_s_samples_of_too_many_task_queues_are_left_out() -> None:
    queues = "".join(f'temporal_request_total{{namespace="d",task_queue="perdure-q{n}"}} 1\n' for n in range(200))
    with serving(f"# TYPE temporal_request_total counter\n{queues}temporal_up 1\n") as url:
        process = ProcessMetrics(sdk_url=url)
        for _ in range(2):
            shown = (await process.text()).decode()
            found = {family.name: len(family.samples) for family in text_string_to_metric_families(shown)}
            assert found == {"temporal_request": MOST_QUEUES, "temporal_up": 1}


async def test_without_the_sdk_s_metrics_ours_are_shown_all_the_same() -> None:
    process = ProcessMetrics(sdk_url="http://127.0.0.1:1/metrics")
    AttemptMetrics(process.registry).completed("LOG", 0.1)
    assert b"perdure_step_attempts_total" in await process.text()


def test_the_reference_lists_exactly_the_metrics_there_are() -> None:
    stored = (ROOT / "docs/reference/metrics.md").read_text()
    assert stored == render(), "run: python -m perdure.telemetry.metric.reference > docs/reference/metrics.md"


def test_every_metric_is_named_as_prometheus_users_expect() -> None:
    registry = CollectorRegistry()
    labels = Labels()
    JobMetrics(registry, labels)
    AttemptMetrics(registry, labels)
    CensusMetrics(registry, labels, ())
    RequestMetrics(registry)
    allowed = {"type", "queue", "outcome", "error_class", "status", "kind", "method", "route"}
    for family, names in families(registry):
        assert family.name.startswith("perdure_")
        assert family.documentation
        assert set(names) <= allowed
        assert family.type != "histogram" or family.name.endswith("_seconds")
