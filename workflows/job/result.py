"""How a job that has nothing left to do ends: its output, or why there is none; and what it returns."""

from typing import Any

from perdure.contract import graph
from perdure.contract.error import ErrorClass, error_info
from perdure.contract.execution import JobResult
from perdure.contract.json_size import json_bytes
from perdure.contract.state import StepStatus
from perdure.expressions import ExpressionError, resolve
from workflows.job.ending import Ending, EndingKind
from workflows.job.outcome import told
from workflows.job.state import JobRun


def all_done(job: JobRun) -> Ending:
    """The ending of a job whose steps have all ended, none of them badly enough to fail it."""
    try:
        output = _output(job)
    except ExpressionError as problem:
        return _failed(job, problem.code, f"output: {told(problem)}")
    size = json_bytes(output)
    if size > job.limits.state_bytes:
        message = f"the job's output is {size} bytes; the limit is {job.limits.state_bytes}"
        return _failed(job, "ENGINE.STATE_TOO_LARGE", message)
    failed = next((step for step in job.steps.values() if step.status is StepStatus.FAILED), None)
    if failed is not None:
        return Ending(EndingKind.COMPLETED_WITH_ERRORS, failed.error, failed.step.id, output)
    return Ending(EndingKind.COMPLETED, output=output)


def result_of(ending: Ending) -> JobResult:
    """What the job returns, or fails with."""
    return JobResult(
        status=ending.status,
        output=ending.output,
        error=ending.error,
        error_step=ending.error_step,
        resolution=ending.resolution,
    )


def _output(job: JobRun) -> Any:
    if job.spec.output is None:
        after = graph.dependents(graph.dependencies(job.spec.steps))
        return {step: job.steps[step].result for step, others in after.items() if not others}
    return resolve(job.spec.output, job.scope()).value


def _failed(job: JobRun, code: str, message: str) -> Ending:
    return Ending(EndingKind.FAILED, error_info(code, ErrorClass.PERMANENT, message, job_type=job.spec.type))
