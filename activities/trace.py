"""One attempt in the trace of its job: a span around `run_attempt`. Used by the wrapper."""

from opentelemetry.trace import Span
from opentelemetry.trace.status import Status, StatusCode
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.mask import Mask
from activities.run import run_attempt
from activities.runtime import StepRuntime
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepFailure, StepInput, StepResult
from perdure.contract.trace import TraceContext, job_context
from perdure.steps.definition import StepDefinition
from perdure.telemetry.trace.attribute import LOST, Attributes, failed, told
from perdure.telemetry.trace.current import current
from perdure.telemetry.trace.tracing import remote_span


async def traced_attempt(definition: StepDefinition, runtime: StepRuntime, call: StepInput) -> StepResult:
    """The step's result. The attempt's span is current while the step runs, and the parent of its outgoing calls.

    Raises:
        ApplicationError: as `run_attempt` does.
    """
    mask = Mask()
    job = job_context(call.traceparent, call.job_id)
    if job is None:
        return await run_attempt(definition, runtime, call, mask)
    if not runtime.tracing.exports:
        with current(remote_span(job), mask.text):
            return await run_attempt(definition, runtime, call, mask)
    about = _about(call, job, runtime.worker)
    span = runtime.tracing.begin(f"{call.step_type} {call.step_id}", job, attributes=about)
    with current(span, mask.text, about):
        try:
            result = await run_attempt(definition, runtime, call, mask)
        except ApplicationError as error:
            if _failed(span, error):
                span.end()
            raise
    span.set_attributes({"status": AttemptOutcome.COMPLETED.value, "outcome": AttemptOutcome.COMPLETED.value})
    span.end()
    return result


def _about(call: StepInput, job: TraceContext, worker: str) -> Attributes:
    info = activity.info()
    return told(
        job_id=call.job_id,
        parent_job_id=call.parent_job_id,
        step_id=call.step_id,
        attempt=call.before.count + info.attempt,
        status="RUNNING",
        trace_id=job.trace_id,
        step_type=call.step_type,
        round=call.round,
        worker=worker,
        local=info.is_local,
    )


def _failed(span: Span, error: ApplicationError) -> bool:
    """Say how the attempt failed; whether the span is ours to tell."""
    failure = error.details[0] if error.details else None
    if not isinstance(failure, StepFailure):
        span.set_status(Status(StatusCode.ERROR))
        return True
    info = failure.error
    newest = failure.ledger.records[-1] if failure.ledger.records else None
    outcome = (newest and newest.outcome) or AttemptOutcome.FAILED
    error_class = info.error_class.value
    span.set_attributes({"status": outcome.value, "outcome": outcome.value, **failed(info.code, error_class)})
    if outcome is not AttemptOutcome.CANCELED:
        span.set_status(Status(StatusCode.ERROR, info.code))
    return info.code != LOST
