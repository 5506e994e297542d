"""The spans of a job that no process lived through from start to end; told by the projector as it writes.

Each comes from a journal row, and only from one that was not there before: of several projectors one tells it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.contract.trace import TraceContext, job_context, read_traceparent
from perdure.projection.record import JobRecord, JournalEvent, StepRecord
from perdure.telemetry.trace.attribute import LOST, Attributes, failed, nanoseconds, told
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
_DECISIONS = {
    JournalType.JOB_RETRY_REQUESTED: "retry",
    JournalType.JOB_DISCARDED: "discard",
    JournalType.STEP_OVERRIDDEN: "skip",
    JournalType.STEP_SKIPPED: "skip",
    JournalType.STEP_DELIVERED: "deliver",
}
_FAILED = frozenset({JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.TERMINATED})


@dataclass(frozen=True, slots=True)
class _Fact:
    """What is told; `error` and `kept` as of `Told`."""

    name: str
    start: datetime
    end: datetime
    attributes: Attributes
    error: str | None = None
    kept: bool = False


class JobTrace:
    """`saw` is told what a projector wrote. It neither blocks nor raises."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def saw(self, job: JobRecord, new: Sequence[JournalEvent]) -> None:
        """Tell the spans that follow from rows that were inserted just now."""
        if not self._tracing.exports:
            return
        within = job_context(job.traceparent, job.id)
        if within is None:
            return
        for event in new:
            for fact in _facts(job, event):
                self._tell(self._tracing.place(within), within, fact)
            if event.type in _ENDS and job.status.final:
                submitted = read_traceparent(job.traceparent)
                place = self._tracing.place(submitted)._replace(span_id=within.span_id)
                self._tell(place, submitted, _whole(job, event))

    def _tell(self, place: TraceContext, parent: TraceContext | None, fact: _Fact) -> None:
        start, end = nanoseconds(fact.start), nanoseconds(fact.end)
        told_ = Told(fact.name, place, parent, start, end, fact.attributes, error=fact.error, kept=fact.kept)
        self._tracing.tell(told_)


def _facts(job: JobRecord, event: JournalEvent) -> Iterator[_Fact]:
    """What a row tells beside the job itself."""
    if event.type is JournalType.STEP_PARKED:
        yield _dead_letter(job, event)
    elif event.type is JournalType.STEP_ATTEMPT_FAILED and _code(event) == LOST:
        yield _lost(job, event)
    elif event.type in _DECISIONS and event.data.get("via") == "signal":
        yield _signalled(job, event)
    elif event.type in _ENDS and job.status.final:
        yield from (_wait(job, step, step.started_at) for step in job.steps if step.started_at and _waited(step))


def _whole(job: JobRecord, event: JournalEvent) -> _Fact:
    """The span of the job itself, from its submission to its end."""
    attributes = told(
        **_of(job, job.status),
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
    return _Fact(f"job {job.name}", job.created_at, end, attributes, error, kept=_was_parked(job))


def _was_parked(job: JobRecord) -> bool:
    return job.error is not None or any(step.round > 1 or step.error is not None for step in job.steps)


def _wait(job: JobRecord, step: StepRecord, start: datetime) -> _Fact:
    """A step that is no activity: it slept, or waited."""
    attributes = told(**_of(job, step.status), step_id=step.id, step_type=step.type, round=step.round)
    return _Fact(f"{step.type} {step.id}", start, step.completed_at or start, attributes)


def _waited(step: StepRecord) -> bool:
    """Whether the step was no activity: the attempts of one are told by those who made them."""
    return not step.attempt_count


def _dead_letter(job: JobRecord, event: JournalEvent) -> _Fact:
    """The moment in which a step was parked: a job may stay so for weeks before its own span is told."""
    attributes = told(
        **_of(job, event.status),
        step_id=event.step_id,
        **_unit(event),
        run_id=event.run_id,
        **failed(*_error(event)),
    )
    return _Fact("dead letter", event.at, event.at, attributes, error=_code(event) or "DEAD_LETTERED")


def _lost(job: JobRecord, event: JournalEvent) -> _Fact:
    """An attempt whose worker is not there to tell it; of one that was lost early no times are known."""
    type_ = next((step.type for step in job.steps if step.id == event.step_id), "step")
    attributes = told(
        **_of(job, event.outcome),
        step_id=event.step_id,
        attempt=event.attempt,
        step_type=type_,
        round=event.data.get("round"),
        **_unit(event),
        worker=event.data.get("worker"),
        outcome=event.outcome,
        **failed(*_error(event)),
    )
    begun = event.data.get("started_at")
    start = datetime.fromisoformat(begun) if begun else event.at
    return _Fact(f"{type_} {event.step_id}", start, event.at, attributes, error=LOST)


def _signalled(job: JobRecord, event: JournalEvent) -> _Fact:
    """A decision by signal; one by update is told by whoever sent it."""
    reason = event.data.get("reason")
    attributes = told(
        **_of(job, event.status),
        step_id=event.step_id,
        actor=event.actor,
        reason=reason if isinstance(reason, str) else None,
        via="signal",
    )
    return _Fact(_DECISIONS[event.type], event.at, event.at, attributes, kept=True)


def _of(job: JobRecord, status: str | None) -> dict[str, str | None]:
    return {"job_id": job.id, "parent_job_id": job.parent_id, "status": status, "trace_id": job.trace_id}


def _unit(event: JournalEvent) -> dict[str, int | None]:
    """What of its step a row is about."""
    return {"item": event.data.get("item"), "compensates": event.data.get("compensation")}


def _error_of(job: JobRecord) -> dict[str, str]:
    return failed(job.error.code, job.error.error_class.value) if job.error else {}


def _error(event: JournalEvent) -> tuple[str | None, str | None]:
    """Code and class of the error that a row tells, if it tells one."""
    error = event.data.get("error") or {}
    return error.get("code"), error.get("class")


def _code(event: JournalEvent) -> str | None:
    return _error(event)[0]
