"""From the fold's state to the job as the store keeps it and the API shows it."""

from datetime import datetime

from perdure.contract.error import ErrorInfo
from perdure.projection.fold.reason import status_reason
from perdure.projection.fold.state import FoldState, StepFold
from perdure.projection.record import JobRecord, StepRecord


def record(state: FoldState) -> JobRecord:
    """The job as far as this run's history tells it.

    A run that continues another has what it took over; attempts of earlier rounds are in the record of the
    run in which they happened.

    Raises:
        ValueError: the run's first event has not been applied.
    """
    if state.run_started_at is None or state.created_at is None:
        raise ValueError(f"run {state.run_id} of job {state.job_id} has no first event yet")
    error, error_step = _error(state)
    return JobRecord(
        id=state.job_id,
        tenant=state.tenant,
        name=state.name,
        type=state.type,
        status=state.status,
        status_reason=status_reason(state),
        resolution=state.resolution,
        queue=state.queue,
        priority=state.priority,
        labels=state.labels,
        correlation_id=state.correlation_id,
        submitted_by=state.submitted_by,
        spec_fingerprint=state.fingerprint,
        parent_id=state.parent_id,
        created_at=state.created_at,
        started_at=state.started_at,
        completed_at=state.completed_at,
        queue_wait_ms=_milliseconds(state.created_at, state.started_at) if _knows_submission(state) else None,
        execution_ms=_milliseconds(state.started_at, state.completed_at),
        attempts=sum(step.attempt_count for step in state.steps.values()),
        retry_count=sum(step.retry_count for step in state.steps.values()),
        trace_id=state.trace_id,
        traceparent=state.traceparent,
        input=state.input,
        output=state.output,
        error=error,
        error_step=error_step,
        steps=[_step(step) for step in state.steps.values()],
        run_id=state.run_id,
        run_started_at=state.run_started_at,
        last_event_id=state.last_event_id,
        note_count=state.note_count,
    )


def _step(step: StepFold) -> StepRecord:
    return StepRecord(
        id=step.id,
        type=step.terms.type,
        position=step.position,
        status=step.status,
        round=step.round,
        started_at=step.started_at,
        completed_at=step.completed_at,
        output=step.output,
        error=step.error,
        attempt_count=step.attempt_count,
        attempts=list(step.attempts),
    )


def _error(state: FoldState) -> tuple[ErrorInfo | None, str | None]:
    """The job's error: what it ended with or, while it is parked, that of the first parked step."""
    if state.closed is None and (parked := state.parked):
        return parked[0].error, parked[0].id
    return state.error, state.error_step


def _knows_submission(state: FoldState) -> bool:
    """Whether `created_at` is the job's: a later run has its own start until it was told the first one's."""
    return not state.continued_from or state.created_at != state.run_started_at


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return max(0, round((end - start).total_seconds() * 1000))
