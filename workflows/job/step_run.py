"""Runs one round of one unit: condition, parameters, then whatever its type is: timer, wait, child or activity."""

from typing import Any

from temporalio import workflow

from perdure.contract.error import ErrorClass
from perdure.contract.identifier import step_idempotency_key, tenant_of
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
from workflows.job.child_job import run_child_job
from workflows.job.outcome import Outcome, Skipped, failure, told
from workflows.job.sleep import sleep
from workflows.job.state import JobRun
from workflows.job.unit import StepRun, Unit
from workflows.job.waiting import wait
from workflows.job.waits import Waits

_VERBATIM = {"WAIT": "schema", "JOB": "job"}
"""Parameters that are no template. Of a child's spec only `input` is one, which the child's start resolves."""


async def run_round(job: JobRun, waits: Waits, unit: Unit) -> Outcome:
    """One round of `unit`, to its end. Raises for nothing a spec, an input or an output can hold."""
    try:
        condition = unit.step.when if isinstance(unit, StepRun) else None
        if condition is not None and not resolve_condition(condition, job.scope()):
            return Skipped("its condition is false")
        resolved = _resolve_params(job, unit)
        if unit.operation.type == "JOB":
            return await run_child_job(job, unit, resolved.value)
    except ExpressionError as problem:
        return failure(job, unit, problem.code, ErrorClass.PERMANENT, told(problem))
    if unit.operation.type == "SLEEP":
        return await sleep(job, unit, resolved.value)
    if unit.operation.type in ("WAIT", "APPROVAL"):
        return await wait(job, waits, unit, resolved.value)
    return await _run_activity(job, unit, resolved)


def _resolve_params(job: JobRun, unit: Unit) -> Resolved:
    params = _params(job, unit)
    scope = job.scope(unit)
    type_ = unit.operation.type
    if type_ == "COMPUTE" and isinstance(params.get("expression"), str):
        return Resolved({"expression": params["expression"], "roots": compute_roots(params["expression"], scope)})
    verbatim = _VERBATIM.get(type_)
    if verbatim not in params:
        return resolve(params, scope)
    rest = resolve({name: value for name, value in params.items() if name != verbatim}, scope)
    return Resolved({**rest.value, verbatim: params[verbatim]}, rest.secrets)


def _params(job: JobRun, unit: Unit) -> dict[str, Any]:
    """What the spec says, with what a person patched since."""
    of_step = job.steps[unit.id.step].patch if not unit.id.compensates else None
    patches = {**(of_step or {}), **(unit.patch or {})}
    return {**unit.operation.params, **patches} if patches else unit.operation.params


async def _run_activity(job: JobRun, unit: Unit, resolved: Resolved) -> Outcome:
    size = json_bytes(resolved.value)
    if size > job.limits.input_bytes:
        message = f"the resolved parameters are {size} bytes; the limit is {job.limits.input_bytes}"
        return failure(job, unit, "ENGINE.INPUT_TOO_LARGE", ErrorClass.PERMANENT, message)
    return await run_activity(job, unit, _step_input(job, unit, resolved))


def _step_input(job: JobRun, unit: Unit, resolved: Resolved) -> StepInput:
    parent = workflow.info().parent
    traceparent = workflow.memo_value(MEMO_TRACEPARENT, None)
    return StepInput(
        job_id=job.id,
        job_name=job.spec.name,
        job_type=job.spec.type,
        tenant=tenant_of(job.id),
        step_id=unit.id.step,
        step_type=unit.operation.type,
        item=unit.id.index,
        compensates=unit.id.compensates,
        effect=unit.step.effect,
        round=unit.round,
        attempts_before=unit.attempts,
        params=resolved.value,
        secrets=[
            SecretSlot(path=list(slot.path), parts=[_secret_part(part) for part in slot.parts])
            for slot in resolved.secrets
        ],
        idempotency_key=step_idempotency_key(job.id, unit.id, unit.generation),
        retry=unit.operation.retry or RetrySpec(),
        timeout=unit.operation.timeout,
        limits=job.limits,
        correlation_id=job.spec.correlation_id,
        parent_job_id=parent.workflow_id if parent else None,
        traceparent=traceparent if isinstance(traceparent, str) else None,
    )


def _secret_part(part: str | SecretRef) -> SecretPart:
    return SecretPart(text=part) if isinstance(part, str) else SecretPart(secret=part.name)
