"""What the projector tells of a job: from journal rows, each once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace.status import StatusCode

from perdure.contract.error import ErrorInfo
from perdure.contract.journal import JournalType
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.contract.trace import job_span_id
from perdure.projection.record import JobRecord, JournalEvent, StepRecord
from perdure.telemetry.trace.attribute import nanoseconds
from perdure.telemetry.trace.job import JobTrace
from perdure.telemetry.trace.tracing import Tracing, Way

TRACE, REQUEST = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{REQUEST}-01", f"00-{TRACE}-{REQUEST}-00"
BEGAN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ENDED = BEGAN + timedelta(seconds=3)
ERROR = {"code": "STEP.HTTP.5XX", "class": "TRANSIENT", "message": "secret payload"}


def job(status: JobStatus = JobStatus.COMPLETED, **fields: Any) -> JobRecord:
    usual: dict[str, Any] = {
        "id": "acme:order-1",
        "tenant": "acme",
        "name": "order",
        "type": "INLINE",
        "status": status,
        "queue": "default",
        "priority": 3,
        "created_at": BEGAN,
        "completed_at": ENDED,
        "trace_id": TRACE,
        "traceparent": SAMPLED,
        "run_id": "r1",
        "run_started_at": BEGAN,
        "last_event_id": 9,
    }
    return JobRecord(**usual | fields)


def row(type_: JournalType, **fields: Any) -> JournalEvent:
    usual: dict[str, Any] = {
        "job_id": "acme:order-1",
        "run_id": "r1",
        "run_started_at": BEGAN,
        "event_id": 9,
        "ordinal": 0,
    }
    return JournalEvent(**usual | {"type": type_, "at": ENDED} | fields)


def step(**fields: Any) -> StepRecord:
    return StepRecord(**{"id": "pay", "type": "HTTP_CALL", "position": 0, **fields})


class Teller:
    """A projector's tracing whose spans stay in memory."""

    def __init__(self) -> None:
        self._memory = InMemorySpanExporter()
        self._trace = JobTrace(Tracing(ParentBased(ALWAYS_ON), Way(SimpleSpanProcessor(self._memory), Resource({}))))

    def spans(self, of: JobRecord, *rows: JournalEvent) -> list[ReadableSpan]:
        self._memory.clear()
        self._trace.saw(of, rows)
        return list(self._memory.get_finished_spans())


@pytest.fixture
def teller() -> Teller:
    return Teller()


def facts(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_the_job_is_told_with_its_end_under_the_request_and_the_id_others_know(teller: Teller) -> None:
    ended = job(attempts=4, retry_count=2, queue_wait_ms=7, execution_ms=2_990, parent_id="acme:parent")
    (span,) = teller.spans(ended, row(JournalType.STEP_COMPLETED, step_id="pay"), row(JournalType.JOB_COMPLETED))
    assert span.parent is not None
    assert (f"{span.parent.span_id:016x}", f"{span.context.trace_id:032x}") == (REQUEST, TRACE)
    assert f"{span.context.span_id:016x}" == job_span_id(TRACE, "acme:order-1")
    assert (span.name, span.start_time, span.end_time) == ("job order", nanoseconds(BEGAN), nanoseconds(ENDED))
    assert facts(span) == {
        "job_id": "acme:order-1",
        "parent_job_id": "acme:parent",
        "status": "COMPLETED",
        "trace_id": TRACE,
        "tenant": "acme",
        "run_id": "r1",
        "job_name": "order",
        "job_type": "INLINE",
        "queue": "default",
        "attempts": 4,
        "retry_count": 2,
        "queue_wait_ms": 7,
        "execution_ms": 2_990,
    }


def test_a_job_without_new_rows_is_not_told_again(teller: Teller) -> None:
    assert teller.spans(job()) == []


def test_the_end_of_a_run_that_a_reset_replaced_is_not_the_end_of_the_job(teller: Teller) -> None:
    assert teller.spans(job(JobStatus.RUNNING), row(JournalType.JOB_TERMINATED)) == []


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.TERMINATED])
def test_a_failed_job_is_told_though_its_trace_is_not_sampled(teller: Teller, status: JobStatus) -> None:
    error = ErrorInfo.model_validate(ERROR, strict=False)
    failed = job(status, traceparent=UNSAMPLED, error=error, error_step="pay")
    (span,) = teller.spans(failed, row(JournalType.JOB_FAILED))
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "STEP.HTTP.5XX")
    assert facts(span)["step_id"] == "pay"
    assert "payload" not in span.to_json()


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([], False),
        ([step(attempt_count=3)], False),
        ([step(attempt_count=2, round=2)], True),
        ([step(attempt_count=1, status=StepStatus.SKIPPED, error=ErrorInfo.model_validate(ERROR, strict=False))], True),
    ],
)
def test_of_unsampled_jobs_that_ended_well_only_those_that_were_parked_are_told(
    teller: Teller, steps: list[StepRecord], told: bool
) -> None:
    found = teller.spans(job(traceparent=UNSAMPLED, steps=steps), row(JournalType.JOB_COMPLETED))
    assert [facts(span)["perdure.kept"] for span in found] == [True] * told
    assert all(span.status.status_code is StatusCode.UNSET for span in found)


def test_steps_that_only_waited_are_told_with_the_job_and_those_that_never_began_are_not(teller: Teller) -> None:
    nap = step(id="nap", type="SLEEP", status=StepStatus.COMPLETED, started_at=BEGAN, completed_at=ENDED)
    never = step(id="never", status=StepStatus.OMITTED)
    ran = step(attempt_count=1, started_at=BEGAN, completed_at=ENDED)
    spans = teller.spans(job(steps=[nap, never, ran]), row(JournalType.JOB_COMPLETED))
    assert [span.name for span in spans] == ["SLEEP nap", "job order"]
    assert spans[0].parent is not None
    assert spans[0].parent.span_id == spans[1].context.span_id


def test_a_parked_step_is_told_at_once(teller: Teller) -> None:
    parked = row(JournalType.STEP_PARKED, step_id="pay", status="DEAD_LETTERED", data={"error": ERROR, "item": 7})
    (span,) = teller.spans(job(JobStatus.DEAD_LETTERED, traceparent=UNSAMPLED, completed_at=None), parked)
    assert (span.name, span.status.description, span.start_time) == ("dead letter", "STEP.HTTP.5XX", span.end_time)
    named = facts(span)
    assert (named["step_id"], named["item"], named["status"]) == ("pay", 7, "DEAD_LETTERED")
    assert "payload" not in span.to_json()


def lost(**data: Any) -> JournalEvent:
    told = {"round": 2, "error": {"code": "WORKER.LOST", "class": "LOST", "message": "gone"}, **data}
    return row(JournalType.STEP_ATTEMPT_FAILED, step_id="pay", attempt=3, outcome=AttemptOutcome.LOST, data=told)


def test_an_attempt_that_was_lost_with_its_worker_is_told_by_another(teller: Teller) -> None:
    row_ = lost(worker="host/1", started_at=(BEGAN + timedelta(seconds=1)).isoformat())
    (span,) = teller.spans(job(JobStatus.RUNNING, steps=[step()]), row_)
    assert (span.name, span.status.description) == ("HTTP_CALL pay", "WORKER.LOST")
    assert (span.end_time or 0) - (span.start_time or 0) == 2_000_000_000
    named = {name: facts(span)[name] for name in ("attempt", "round", "worker", "outcome", "error_class")}
    assert named == {"attempt": 3, "round": 2, "worker": "host/1", "outcome": "LOST", "error_class": "LOST"}


def test_of_an_attempt_that_was_lost_before_it_said_anything_only_the_number_is_known(teller: Teller) -> None:
    (span,) = teller.spans(job(JobStatus.RUNNING), lost())
    assert (span.name, span.start_time) == ("step pay", span.end_time)
    assert facts(span)["attempt"] == 3
    assert "worker" not in facts(span)


def test_an_attempt_that_its_worker_told_is_not_told_again(teller: Teller) -> None:
    failed = row(JournalType.STEP_ATTEMPT_FAILED, step_id="pay", outcome=AttemptOutcome.FAILED, data={"error": ERROR})
    shutdown = lost(error={"code": "WORKER.SHUTDOWN", "class": "LOST", "message": "told to stop"})
    assert teller.spans(job(JobStatus.RUNNING), failed, shutdown) == []


def test_decisions_by_signal_are_told_and_those_by_update_left_to_whoever_sent_them(teller: Teller) -> None:
    by = {"actor": "cli:ops", "status": "RUNNING"}
    signal = row(JournalType.JOB_RETRY_REQUESTED, data={"via": "signal", "reason": "bank is back"}, **by)
    update = row(JournalType.JOB_RETRY_REQUESTED, data={"via": "update"}, **by)
    refused = row(JournalType.JOB_COMMAND_REFUSED, data={"via": "signal"}, **by)
    (span,) = teller.spans(job(JobStatus.RUNNING, traceparent=UNSAMPLED), signal, update, refused)
    assert (span.name, facts(span)["actor"], facts(span)["reason"]) == ("retry", "cli:ops", "bank is back")


@pytest.mark.parametrize("traceparent", [None, "x"])
def test_a_job_without_a_trace_has_no_spans(teller: Teller, traceparent: str | None) -> None:
    assert teller.spans(job(traceparent=traceparent), row(JournalType.JOB_COMPLETED)) == []
