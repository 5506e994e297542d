"""One attempt in the trace of its job: a span around `run_attempt`. Used by the wrapper."""

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
from perdure.telemetry.trace.current import within
from perdure.telemetry.trace.tracing import OpenSpan


async def traced_attempt(definition: StepDefinition, runtime: StepRuntime, call: StepInput) -> StepResult:
    """The step's result. Outgoing calls, and spans that the step makes itself, are under the attempt's span.

    Raises:
        ApplicationError: as `run_attempt` does.
    """
    mask = Mask()
    job = job_context(call.traceparent, call.job_id)
    if job is None:
        return await run_attempt(definition, runtime, call, mask)
    if not runtime.tracing.exports:
        with within(job, mask.text):
            return await run_attempt(definition, runtime, call, mask)
    span = runtime.tracing.begin(f"{call.step_type} {call.step_id}", job)
    about = _about(call, job)
    try:
        with within(span.place, mask.text, about):
            result = await run_attempt(definition, runtime, call, mask)
    except ApplicationError as error:
        _failed(span, {**about, **_how(call, runtime.worker)}, error)
        raise
    outcome = AttemptOutcome.COMPLETED.value
    span.end({**about, **_how(call, runtime.worker), "status": outcome, "outcome": outcome})
    return result


def _about(call: StepInput, job: TraceContext) -> Attributes:
    return told(
        job_id=call.job_id,
        parent_job_id=call.parent_job_id,
        step_id=call.step_id,
        attempt=call.before.count + activity.info().attempt,
        trace_id=job.trace_id,
    )


def _how(call: StepInput, worker: str) -> Attributes:
    return told(
        step_type=call.step_type,
        round=call.round,
        item=call.item,
        compensates=call.compensates or None,
        worker=worker,
        local=activity.info().is_local,
    )


def _failed(span: OpenSpan, about: Attributes, error: ApplicationError) -> None:
    failure = error.details[0] if error.details else None
    if not isinstance(failure, StepFailure):
        span.end(about, error.type or "STEP.INTERNAL")
        return
    info, newest = failure.error, failure.ledger.records[-1:]
    if info.code == LOST:
        return
    outcome = (newest and newest[0].outcome) or AttemptOutcome.FAILED
    how = {"status": outcome.value, "outcome": outcome.value, **failed(info.code, info.error_class.value)}
    span.end({**about, **how}, None if outcome is AttemptOutcome.CANCELED else info.code)
