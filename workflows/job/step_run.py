"""Runs one round of one step: condition, parameters, then a durable timer or an activity with its policy."""

from temporalio import workflow

from perdure.contract.error import ErrorClass
from perdure.contract.identifier import UnitId, step_idempotency_key, tenant_of
from perdure.contract.json_size import json_bytes
from perdure.contract.name import MEMO_TRACEPARENT
from perdure.contract.spec import RetryPolicy as RetrySpec
from perdure.contract.step_call import SecretPart, SecretSlot, StepInput
from perdure.expressions import (
    ExpressionError,
    Resolved,
    SecretRef,
    compute_roots,
    resolve,
    resolve_condition,
)
from workflows.job.activity import run_activity
from workflows.job.outcome import Outcome, Skipped, failure, told
from workflows.job.sleep import sleep
from workflows.job.state import JobRun, StepRun


async def run_round(job: JobRun, step: StepRun) -> Outcome:
    """One round of `step`, to its end. Raises for nothing a spec, an input or an output can hold."""
    try:
        if step.spec.when is not None and not resolve_condition(step.spec.when, job.scope()):
            return Skipped("its condition is false")
        resolved = _resolve_params(job, step)
    except ExpressionError as problem:
        return failure(job, step, problem.code, ErrorClass.PERMANENT, told(problem))
    if step.spec.type == "SLEEP":
        return await sleep(job, step, resolved.value)
    return await _run_activity(job, step, resolved)


def _resolve_params(job: JobRun, step: StepRun) -> Resolved:
    params = step.spec.params
    if step.spec.type == "COMPUTE" and isinstance(params.get("expression"), str):
        roots = compute_roots(params["expression"], job.scope())
        return Resolved({"expression": params["expression"], "roots": roots})
    return resolve(params, job.scope())


async def _run_activity(job: JobRun, step: StepRun, resolved: Resolved) -> Outcome:
    size = json_bytes(resolved.value)
    if size > job.limits.input_bytes:
        message = f"the resolved parameters are {size} bytes; the limit is {job.limits.input_bytes}"
        return failure(job, step, "ENGINE.INPUT_TOO_LARGE", ErrorClass.PERMANENT, message)
    return await run_activity(job, step, _step_input(job, step, resolved))


def _step_input(job: JobRun, step: StepRun, resolved: Resolved) -> StepInput:
    parent = workflow.info().parent
    traceparent = workflow.memo_value(MEMO_TRACEPARENT, None)
    return StepInput(
        job_id=job.id,
        job_name=job.spec.name,
        job_type=job.spec.type,
        tenant=tenant_of(job.id),
        step_id=step.id,
        step_type=step.spec.type,
        round=step.round,
        attempts_before=step.attempts,
        params=resolved.value,
        secrets=[
            SecretSlot(path=list(slot.path), parts=[_secret_part(part) for part in slot.parts])
            for slot in resolved.secrets
        ],
        idempotency_key=step_idempotency_key(job.id, UnitId(step.id)),
        retry=step.spec.retry or RetrySpec(),
        timeout=step.spec.timeout,
        limits=job.limits,
        correlation_id=job.spec.correlation_id,
        parent_job_id=parent.workflow_id if parent else None,
        traceparent=traceparent if isinstance(traceparent, str) else None,
    )


def _secret_part(part: str | SecretRef) -> SecretPart:
    return SecretPart(text=part) if isinstance(part, str) else SecretPart(secret=part.name)
