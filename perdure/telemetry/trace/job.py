"""The spans of a job that no process lived through from start to end; told by the projector as it writes.

Each comes from a journal row, and only from one that was not there before: of several projectors one tells it.
"""

from collections.abc import Sequence
from datetime import datetime

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.contract.trace import TraceContext, job_context, read_traceparent
from perdure.projection.record import JobRecord, JournalEvent, StepRecord
from perdure.telemetry.trace.attribute import LOST, failed, told
from perdure.telemetry.trace.tracing import Told, Tracing

_ENDS = frozenset(
    {
        JournalType.JOB_COMPLETED,
        JournalType.JOB_FAILED,
        JournalType.JOB_CANCELED,
        JournalType.JOB_TIMED_OUT,
        JournalType.JOB_TERMINATED,
    }
)
_FAILED = frozenset({JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.TERMINATED})


class JobTrace:
    """`saw` is told what a projector wrote. It neither blocks nor raises."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def saw(self, job: JobRecord, new: Sequence[JournalEvent]) -> None:
        """Tell the spans that follow from rows that were inserted just now."""
        submitted = read_traceparent(job.traceparent)
        within = job_context(job.traceparent, job.id)
        if not self._tracing.exports or submitted is None or within is None:
            return
        for event in new:
            if event.type is JournalType.STEP_PARKED:
                self._tracing.tell(_dead_letter(job, event, within))
            elif event.type is JournalType.STEP_ATTEMPT_FAILED and _code(event) == LOST:
                self._tracing.tell(_lost(job, event, within))
            elif event.type is JournalType.JOB_RETRY_REQUESTED and event.data.get("via") == "signal":
                self._tracing.tell(_signalled(job, event, within))
            elif event.type in _ENDS and job.status.final:
                self._ended(job, event, submitted, within)

    def _ended(self, job: JobRecord, event: JournalEvent, submitted: TraceContext, within: TraceContext) -> None:
        for step in job.steps:
            if not step.attempt_count and step.started_at is not None:
                self._tracing.tell(_wait(job, step, step.started_at, within))
        self._tracing.tell(_whole(job, event, submitted, within.span_id))


def _whole(job: JobRecord, event: JournalEvent, submitted: TraceContext, span_id: str) -> Told:
    """The span of the job itself, from its submission to its end."""
    attributes = told(
        **_of(job, job.status, submitted),
        step_id=job.error_step,
        run_id=job.run_id,
        job_name=job.name,
        job_type=job.type,
        queue=job.queue,
        attempts=job.attempts,
        retry_count=job.retry_count,
        queue_wait_ms=job.queue_wait_ms,
        execution_ms=job.execution_ms,
        resolution=job.resolution,
        actor=event.actor,
        **_error_of(job),
    )
    error = (job.error.code if job.error else job.status) if job.status in _FAILED else None
    end = job.completed_at or event.at
    return Told(f"job {job.name}", submitted, job.created_at, end, attributes, span_id, error, kept=_was_parked(job))


def _was_parked(job: JobRecord) -> bool:
    return job.error is not None or any(step.round > 1 or step.error is not None for step in job.steps)


def _wait(job: JobRecord, step: StepRecord, start: datetime, within: TraceContext) -> Told:
    """A step that is no activity: it slept, or waited."""
    attributes = told(**_of(job, step.status, within), step_id=step.id, step_type=step.type, round=step.round)
    return Told(f"{step.type} {step.id}", within, start, step.completed_at or start, attributes)


def _dead_letter(job: JobRecord, event: JournalEvent, within: TraceContext) -> Told:
    """The moment in which a step was parked: a job may stay so for weeks before its own span is told."""
    attributes = told(
        **_of(job, event.status, within), step_id=event.step_id, run_id=event.run_id, **failed(*_error(event))
    )
    return Told("dead letter", within, event.at, event.at, attributes, error=_code(event) or "DEAD_LETTERED")


def _lost(job: JobRecord, event: JournalEvent, within: TraceContext) -> Told:
    """An attempt whose worker is not there to tell it; of one that was lost early no times are known."""
    type_ = next((step.type for step in job.steps if step.id == event.step_id), "step")
    attributes = told(
        **_of(job, event.outcome, within),
        step_id=event.step_id,
        attempt=event.attempt,
        step_type=type_,
        round=event.data.get("round"),
        worker=event.data.get("worker"),
        outcome=event.outcome,
        **failed(*_error(event)),
    )
    begun = event.data.get("started_at")
    start = datetime.fromisoformat(begun) if begun else event.at
    return Told(f"{type_} {event.step_id}", within, start, event.at, attributes, error=LOST)


def _signalled(job: JobRecord, event: JournalEvent, within: TraceContext) -> Told:
    """A retry by signal; one by update is told by whoever sent it."""
    reason = event.data.get("reason")
    attributes = told(
        **_of(job, event.status, within),
        actor=event.actor,
        reason=reason if isinstance(reason, str) else None,
        via="signal",
    )
    return Told("retry", within, event.at, event.at, attributes, kept=True)


def _of(job: JobRecord, status: str | None, place: TraceContext) -> dict[str, str | None]:
    return {"job_id": job.id, "parent_job_id": job.parent_id, "status": status, "trace_id": place.trace_id}


def _error_of(job: JobRecord) -> dict[str, str]:
    return failed(job.error.code, job.error.error_class.value) if job.error else {}


def _error(event: JournalEvent) -> tuple[str | None, str | None]:
    """Code and class of the error that a row tells, if it tells one."""
    error = event.data.get("error") or {}
    return error.get("code"), error.get("class")


def _code(event: JournalEvent) -> str | None:
    return _error(event)[0]
