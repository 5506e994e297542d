"""The end of a run: how the job ended and what that means for steps that were open.

Where the workflow ended by itself it has noted what became of each step. Where Temporal ended it no code
ran, so the fold says it: what ran or waited is CANCELED; what had failed for good is FAILED, or CANCELED if
somebody stopped the job; what had never begun is OMITTED. These are part of the job's own row.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from perdure.contract.error import ErrorClass, ErrorInfo, error_info
from perdure.contract.execution import JobResult
from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.change import finish, unit_of
from perdure.projection.fold.fan_out import close_items
from perdure.projection.fold.parked import parked_error
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState
from perdure.projection.history import HistoryEvent

_TYPES = {
    JobStatus.COMPLETED: JournalType.JOB_COMPLETED,
    JobStatus.COMPLETED_WITH_ERRORS: JournalType.JOB_COMPLETED,
    JobStatus.FAILED: JournalType.JOB_FAILED,
    JobStatus.CANCELED: JournalType.JOB_CANCELED,
    JobStatus.TIMED_OUT: JournalType.JOB_TIMED_OUT,
    JobStatus.TERMINATED: JournalType.JOB_TERMINATED,
}
_STOPPED = frozenset({JobStatus.CANCELED, JobStatus.TERMINATED})


def on_completed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The workflow returned; its result says how the job ended."""
    value = event.data.get("result")
    result = reading.model(JobResult, value) or JobResult(status=JobStatus.COMPLETED, output=value)
    return _end_by_result(state, event, result)


def on_failed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The workflow failed; the failure's details say how the job ended, if it was a job."""
    failure = reading.mapping(event.data, "failure")
    detail = next(iter(reading.items(failure, "details")), None)
    result = reading.model(JobResult, detail) or JobResult(status=JobStatus.FAILED, error=_error(state, failure))
    return _end_by_result(state, event, result)


def on_canceled(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The workflow ended as canceled."""
    request = state.cancel
    reason = _by("canceled", request.actor, request.reason) if request else "canceled"
    return _end(state, event, JobStatus.CANCELED, reason=reason)


def on_timed_out(state: FoldState, event: HistoryEvent) -> list[Row]:
    """Temporal ended the workflow at a time limit that whoever started it had set."""
    message = "Temporal's time limit for the workflow passed"
    state.error = error_info("ENGINE.JOB_TIMEOUT", ErrorClass.TIMEOUT, message, job_type=state.type)
    return _end(state, event, JobStatus.TIMED_OUT, reason=message)


def on_terminated(state: FoldState, event: HistoryEvent) -> list[Row]:
    """Somebody ended the workflow; none of its code ran."""
    actor, reason = reading.text(event.data, "identity"), reading.text(event.data, "reason")
    said = _by("terminated", actor, reason)
    data = {"reason": reason} if reason else {}
    return _end(state, event, JobStatus.TERMINATED, reason=said, actor=actor, data=data)


def on_continued(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The run ended and the job goes on in another one."""
    state.continued_to = reading.text(event.data, "new_run_id")
    return [Row(JournalType.JOB_CONTINUED, event.at, data={"new_run_id": state.continued_to})]


def _end_by_result(state: FoldState, event: HistoryEvent, result: JobResult) -> list[Row]:
    state.output = result.output
    state.error, state.error_step = result.error, result.error_step
    state.resolution = result.resolution or state.resolution
    facts: dict[str, Any] = {"resolution": state.resolution.value} if state.resolution else {}
    if result.error is not None:
        facts["error"] = result.error.model_dump(mode="json", by_alias=True)
        facts["error_step"] = result.error_step
    status = result.status if result.status.final else JobStatus.COMPLETED
    return _end(state, event, status, data=facts)


def _end(
    state: FoldState,
    event: HistoryEvent,
    status: JobStatus,
    *,
    reason: str | None = None,
    actor: str | None = None,
    data: dict[str, Any] | None = None,
) -> list[Row]:
    _keep_parked_error(state)
    state.closed = status
    state.pause = None
    state.close_reason = reason
    state.completed_at = event.at
    state.continued_to = reading.text(event.data, "new_run_id")
    _close_steps(state, event.at)
    state.activities.clear()
    state.timers.clear()
    state.backoffs.clear()
    return [Row(_TYPES[status], event.at, actor=actor, data=data or {})]


def _keep_parked_error(state: FoldState) -> None:
    """A job that was stopped while it was parked still shows what had parked it."""
    if state.error is None:
        state.error, state.error_step = parked_error(state)


def _close_steps(state: FoldState, at: datetime) -> None:
    stopped = state.closed in _STOPPED
    parked_become = StepStatus.CANCELED if stopped else StepStatus.FAILED
    became = {
        StepStatus.RUNNING: StepStatus.CANCELED,
        StepStatus.WAITING: StepStatus.CANCELED,
        StepStatus.DEAD_LETTERED: parked_become,
        StepStatus.PENDING: StepStatus.OMITTED,
    }
    for id_ in list(state.undoing):
        compensation = unit_of(state, id_)
        finish(state, compensation, became[compensation.status], at)
    for step in state.steps.values():
        if step.status in became:
            finish(state, step, became[step.status], at)
        if step.fans_out:
            close_items(state, step, at, parked_become)


def _error(state: FoldState, failure: Mapping[str, Any]) -> ErrorInfo:
    type_ = reading.text(failure, "type")
    message = reading.text(failure, "message") or "the workflow failed without a reason"
    code = type_ if type_ and "." in type_ else "ENGINE.FAILED"
    error_class = ErrorClass.PERMANENT if code == "ENGINE.SPEC_INVALID" else ErrorClass.INTERNAL
    return error_info(code, error_class, message, job_type=state.type)


def _by(what: str, actor: str | None, reason: str | None) -> str:
    said = f"{what} by {actor}" if actor else what
    return f"{said}: {reason}" if reason else said
