"""The job's result: its output, or why there is none."""

from typing import Any

from perdure.contract import graph
from perdure.contract.error import ErrorClass, error_info
from perdure.contract.execution import JobResult
from perdure.contract.json_size import json_bytes
from perdure.contract.state import JobStatus
from perdure.expressions import ExpressionError, resolve
from workflows.job.ending import Ending, EndingKind
from workflows.job.outcome import told
from workflows.job.state import JobRun


def close(job: JobRun, ending: Ending) -> JobResult:
    """What the job returns or fails with."""
    if ending.kind is not EndingKind.COMPLETED:
        return JobResult(
            status=ending.status,
            error=ending.error,
            error_step=ending.error_step,
            resolution=ending.resolution,
        )
    try:
        output = _output(job)
    except ExpressionError as problem:
        return _failed(job, problem.code, f"output: {told(problem)}")
    size = json_bytes(output)
    if size > job.limits.state_bytes:
        message = f"the job's output is {size} bytes; the limit is {job.limits.state_bytes}"
        return _failed(job, "ENGINE.STATE_TOO_LARGE", message)
    return JobResult(status=JobStatus.COMPLETED, output=output)


def _output(job: JobRun) -> Any:
    if job.spec.output is None:
        after = graph.dependents(graph.dependencies(job.spec.steps))
        return {step: job.steps[step].output for step, others in after.items() if not others}
    resolved = resolve(job.spec.output, job.scope())
    return resolved.value


def _failed(job: JobRun, code: str, message: str) -> JobResult:
    error = error_info(code, ErrorClass.PERMANENT, message, job_type=job.spec.type)
    return JobResult(status=JobStatus.FAILED, error=error)
