"""The `JOB` step: a child job whose output becomes the step's, or that goes on by itself."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    TerminatedError,
    WorkflowAlreadyStartedError,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from perdure.contract.error import ErrorClass
from perdure.contract.execution import JobResult
from perdure.contract.identifier import child_id
from perdure.contract.journal import JournalType
from perdure.contract.model import first_problem
from perdure.contract.spec import JobParams
from perdure.contract.state import JobStatus
from perdure.expressions import resolve
from workflows.job.child_start import inherit, start_child
from workflows.job.outcome import Canceled, Completed, Failed, failure, read_detail
from workflows.job.state import JobRun
from workflows.job.unit import Unit

_CODES = {
    JobStatus.CANCELED: ("STEP.JOB.CANCELED", ErrorClass.PERMANENT),
    JobStatus.TIMED_OUT: ("STEP.JOB.TIMED_OUT", ErrorClass.TIMEOUT),
    JobStatus.TERMINATED: ("STEP.JOB.TERMINATED", ErrorClass.PERMANENT),
}
_FAILED = ("STEP.JOB.FAILED", ErrorClass.PERMANENT)


async def run_child_job(job: JobRun, unit: Unit, params: dict[str, Any]) -> Completed | Failed | Canceled:
    """Start the child and, with `wait`, see it to its end. Raises ExpressionError for the child's input."""
    try:
        child = JobParams.model_validate_json(to_json(params))
    except ValidationError as problem:
        return failure(job, unit, "STEP.PARAMETERS", ErrorClass.PERMANENT, first_problem(problem))
    id_ = child_id(job.id, unit.id.step, unit.id.index, unit.round)
    spec = inherit(job.spec, child.job, resolve(child.job.input, job.scope(unit)).value)
    try:
        handle = await start_child(job, id_, spec, bound=child.wait)
    except WorkflowAlreadyStartedError:
        message = f"a job {id_} runs already, started by an earlier run of this job; a retry starts another one"
        return failure(job, unit, *_FAILED, message, {"child": id_})
    except ChildWorkflowError as raised:
        # The job was stopped before Temporal took the start.
        return _read_failure(job, unit, id_, raised.cause)
    if child.wait:
        return await _see_to_its_end(job, unit, handle)
    output = {"job_id": id_}
    job.notes.add(JournalType.STEP_COMPLETED, step=unit.name, round_=unit.round, output=output)
    return Completed(output)


async def _see_to_its_end(
    job: JobRun, unit: Unit, handle: workflow.ChildWorkflowHandle[Any, RawValue]
) -> Completed | Failed | Canceled:
    try:
        raw = await handle
    except ChildWorkflowError as raised:
        return _read_failure(job, unit, handle.id, raised.cause)
    try:
        return Completed(JobResult.model_validate_json(raw.payload.data).output)
    except ValidationError as problem:
        message = f"the child returned something that is no job result: {first_problem(problem)}"
        return failure(job, unit, *_FAILED, message, {"child": handle.id})


def _read_failure(job: JobRun, unit: Unit, id_: str, cause: BaseException | None) -> Failed | Canceled:
    if isinstance(cause, CancelledError) and job.stopping:
        return Canceled()
    status, reason, details = JobStatus.FAILED, str(cause), {"child": id_}
    if isinstance(cause, ApplicationError):
        result = read_detail(JobResult, cause.details)
        status = result.status if result else status
        reason = f"{cause.type}: {cause.message}"
        details["code"] = cause.type or ""
    elif isinstance(cause, CancelledError):
        status, reason = JobStatus.CANCELED, "it was canceled"
    elif isinstance(cause, TerminatedError):
        status, reason = JobStatus.TERMINATED, "it was terminated"
    elif isinstance(cause, TemporalTimeoutError):
        status, reason = JobStatus.TIMED_OUT, "Temporal timed it out"
    code, error_class = _CODES.get(status, _FAILED)
    return failure(job, unit, code, error_class, f"child job {id_}: {reason}", details)
