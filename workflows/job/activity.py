"""Runs a step as an activity: cheap pure ones first locally, within the workflow task (architecture 4.4)."""

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import FailureError

from perdure.contract.backoff import base_delay
from perdure.contract.duration import parse_duration
from perdure.contract.error import ErrorClass
from perdure.contract.json_size import json_bytes
from perdure.contract.ledger import AttemptLedger
from perdure.contract.local_first import LOCAL_OUTPUT_BYTES, LOCAL_SECONDS, NOT_COUNTED
from perdure.contract.model import first_problem
from perdure.contract.name import TIMER_BACKOFF, activity_id
from perdure.contract.spec import RetryPolicy as RetrySpec
from perdure.contract.step_call import StepInput, StepResult
from perdure.expressions import needs_child
from workflows.job.outcome import Completed, Failed, Outcome, failure, read_failure
from workflows.job.state import JobRun, StepRun

_OVERHEAD = 1024
"""Bytes a marker takes beside the output: the ledger, ids."""


async def run_activity(job: JobRun, step: StepRun, call: StepInput) -> Outcome:
    """One round of the step, with all its attempts."""
    before = AttemptLedger()
    if _is_cheap(step, call):
        outcome = await _try_locally(job, step, call)
        if not isinstance(outcome, Failed):
            if outcome is not None:
                return outcome
        elif _is_final(outcome, call.retry):
            return outcome
        else:
            before = outcome.ledger
            await workflow.sleep(base_delay(call.retry, before.count), summary=TIMER_BACKOFF)
    await job.budget.reserve(json_bytes(call.params))
    try:
        result = await _start_activity(step, call.model_copy(update={"before": before}))
    except FailureError as raised:
        return read_failure(job, step, raised)
    return _read_result(job, step, result)


def _is_cheap(step: StepRun, call: StepInput) -> bool:
    if step.spec.type not in LOCAL_OUTPUT_BYTES:
        return False
    expression = call.params.get("expression")
    return not isinstance(expression, str) or not needs_child(expression, call.params["roots"])


async def _try_locally(job: JobRun, step: StepRun, call: StepInput) -> Outcome | None:
    """How the local try ended; None where it says nothing about the step, or there was no room for one."""
    allowed = LOCAL_OUTPUT_BYTES[step.spec.type]
    reserved = allowed + _OVERHEAD
    if not job.budget.take(reserved):
        return None
    limits = call.limits.model_copy(update={"output_bytes": min(allowed, call.limits.output_bytes)})
    try:
        result = await _start_locally(step, call.model_copy(update={"limits": limits}))
    except FailureError as raised:
        job.budget.give_back(allowed)
        failed = read_failure(job, step, raised)
        return None if isinstance(failed, Failed) and failed.error.code in NOT_COUNTED else failed
    job.budget.give_back(reserved - len(result.payload.data))
    return _read_result(job, step, result)


def _is_final(failed: Failed, retry: RetrySpec) -> bool:
    return not failed.error.error_class.retryable or failed.final or failed.ledger.count >= retry.maximum_attempts


def _start_locally(step: StepRun, call: StepInput) -> workflow.ActivityHandle[RawValue]:
    return workflow.start_local_activity(
        step.spec.type,
        call,
        activity_id=activity_id(step.id, step.round),
        result_type=RawValue,
        start_to_close_timeout=min(timedelta(seconds=LOCAL_SECONDS), parse_duration(step.spec.timeout)),
        retry_policy=RetryPolicy(maximum_attempts=1),
        summary=step.id,
    )


def _start_activity(step: StepRun, call: StepInput) -> workflow.ActivityHandle[RawValue]:
    spec = step.spec
    return workflow.start_activity(
        spec.type,
        call,
        activity_id=activity_id(step.id, step.round),
        result_type=RawValue,
        start_to_close_timeout=parse_duration(spec.timeout),
        schedule_to_close_timeout=parse_duration(spec.total_timeout) if spec.total_timeout else None,
        heartbeat_timeout=parse_duration(spec.heartbeat_timeout),
        retry_policy=_temporal_policy(call.retry, call.before.count),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=step.id,
    )


def _temporal_policy(policy: RetrySpec, made: int) -> RetryPolicy:
    # The server refuses a first interval above the maximum, which would fail the workflow task for ever.
    maximum = parse_duration(policy.maximum_interval)
    return RetryPolicy(
        initial_interval=min(parse_duration(policy.initial_interval), maximum),
        backoff_coefficient=policy.backoff_coefficient,
        maximum_interval=maximum,
        maximum_attempts=policy.maximum_attempts - made,
    )


def _read_result(job: JobRun, step: StepRun, raw: RawValue) -> Completed | Failed:
    try:
        result = StepResult.model_validate_json(raw.payload.data)
    except ValidationError as problem:
        message = f"the worker returned something that is no step result: {first_problem(problem)}"
        return failure(job, step, "STEP.INTERNAL", ErrorClass.INTERNAL, message)
    return Completed(result.output, result.ledger.count)
