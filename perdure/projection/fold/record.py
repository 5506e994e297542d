"""From the fold's state to the job as the store keeps it and the API shows it."""

from collections import Counter
from datetime import datetime

from perdure.contract.error import ErrorInfo
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.fold.fan_out import unbegun_status
from perdure.projection.fold.item import compensation, compensation_of_items
from perdure.projection.fold.parked import parked_error, step_error
from perdure.projection.fold.reason import status_reason
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold
from perdure.projection.record import ItemCounts, JobRecord, StepRecord


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
        resolution=state.resolution if state.closed is JobStatus.FAILED else None,
        queue=state.queue,
        priority=state.priority,
        labels=state.labels,
        correlation_id=state.correlation_id,
        submitted_by=state.submitted_by,
        spec_fingerprint=state.fingerprint,
        parent_id=state.parent_id,
        resubmit_of=state.resubmit_of,
        created_at=state.created_at,
        start_at=state.start_at,
        started_at=state.started_at,
        completed_at=state.completed_at,
        queue_wait_ms=_queue_wait(state) if _knows_submission(state) else None,
        execution_ms=_milliseconds(state.started_at, state.completed_at),
        attempts=sum(step.all_attempts for step in state.steps.values()),
        retry_count=sum(step.all_retries for step in state.steps.values()),
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
        id=step.unit.step,
        type=step.terms.type,
        position=step.position,
        status=step.status,
        round=step.round,
        started_at=step.started_at,
        completed_at=step.completed_at,
        output=step.output,
        error=step_error(step),
        attempt_count=step.attempt_count + step.item_attempts,
        attempts=list(step.attempts),
        items=_item_counts(step),
        running_items=dict(step.running_items),
        compensation=compensation_of_items(step) if step.fans_out else compensation(step),
        waiting_for=step.waiting_for,
        decisions=list(step.decisions),
    )


def _item_counts(step: StepFold) -> ItemCounts | None:
    if step.total is None:
        return None
    counts = step.item_counts + Counter({unbegun_status(step): step.unbegun})
    return ItemCounts(total=step.total, counts=dict(sorted(counts.items())))


def _error(state: FoldState) -> tuple[ErrorInfo | None, str | None]:
    """The job's error: what it ended with or, while it is parked, that of the first parked step."""
    if state.closed is None and state.has(StepStatus.DEAD_LETTERED):
        return parked_error(state)
    return state.error, state.error_step


def _knows_submission(state: FoldState) -> bool:
    """Whether `created_at` is the job's: a later run has its own start until it was told the first one's."""
    return not state.continued_from or state.created_at != state.run_started_at


def _queue_wait(state: FoldState) -> int | None:
    """From when it might have started."""
    created = state.created_at
    due = created if created is None or state.start_at is None else max(created, state.start_at)
    return _milliseconds(due, state.started_at)


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return max(0, round((end - start).total_seconds() * 1000))
