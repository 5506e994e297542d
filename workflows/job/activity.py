"""Runs a step as an activity: cheap pure ones first locally, within the workflow task (architecture 4.4)."""

from datetime import datetime, timedelta

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
from perdure.contract.name import activity_id
from perdure.contract.spec import RetryPolicy as RetrySpec
from perdure.contract.state import Effect, StepStatus
from perdure.contract.step_call import StepInput, StepResult
from workflows.job.cheap import is_cheap
from workflows.job.outcome import Completed, Failed, Outcome, Postponed, failure, out_of_time, read_failure
from workflows.job.remote import Again, after_failure, given_up, in_words
from workflows.job.state import JobRun
from workflows.job.unit import Unit

_OVERHEAD = 1024
"""Bytes a marker takes beside the output: the ledger, ids."""


async def run_activity(job: JobRun, unit: Unit, call: StepInput) -> Outcome:
    """One round of the unit, with all its attempts."""
    before = AttemptLedger()
    if is_cheap(unit, call):
        outcome = await (_try_in_batch if job.in_batches else _try_locally)(job, unit, call)
        if not isinstance(outcome, Failed):
            if outcome is not None:
                return outcome
        elif _is_final(outcome, call.retry):
            return outcome
        else:
            before = outcome.ledger
            if not await job.backoffs.wait(unit, base_delay(call.retry, before.count)):
                return given_up(job, unit, call, outcome)
    elif unit.behind:
        return Postponed()
    ends_at = workflow.now() + parse_duration(unit.operation.total_timeout) if unit.operation.total_timeout else None
    while True:
        ended = await _run_remotely(job, unit, call.model_copy(update={"before": before}), ends_at)
        further = after_failure(job, unit, call, ended) if isinstance(ended, Failed) else ended
        if not isinstance(further, Again):
            return in_words(job, unit, further) if isinstance(further, Failed) else further
        before = further.failed.ledger
        if not await job.backoffs.wait(unit, further.delay):
            return given_up(job, unit, call, further.failed)


async def _run_remotely(job: JobRun, unit: Unit, call: StepInput, ends_at: datetime | None) -> Outcome:
    if job.paused:
        await workflow.wait_condition(lambda: not job.paused)
    await job.budget.reserve(job.limits.sent_bytes(json_bytes(call.params)))
    left = ends_at - workflow.now() if ends_at else None
    if left is not None and left <= timedelta(0):
        return out_of_time(job, unit, call.before)
    try:
        result = await _start_activity(unit, call, left)
    except FailureError as raised:
        return read_failure(job, unit, raised)
    return _read_result(job, unit, result)


async def _try_in_batch(job: JobRun, unit: Unit, call: StepInput) -> Outcome | None:
    """As `_try_locally`; also for one that was begun ahead of its turn."""
    size = LOCAL_OUTPUT_BYTES[unit.operation.type] + _OVERHEAD
    made = await job.batches.make(activity_id(unit.name, unit.round), call, size, unit.behind)
    if unit.behind:
        if made is None:
            return Postponed()
        unit.behind, unit.status, unit.started_at = (), StepStatus.RUNNING, workflow.now().isoformat()
    if made is None or (made.record.error is not None and made.record.error.code in NOT_COUNTED):
        return None
    if made.record.error is None:
        return Completed(made.output, 1)
    return Failed(made.record.error, 1, AttemptLedger().put(made.record), made.final)


async def _try_locally(job: JobRun, unit: Unit, call: StepInput) -> Outcome | None:
    """How the local try ended; None where it says nothing about the step."""
    allowed = LOCAL_OUTPUT_BYTES[unit.operation.type]
    limits = call.limits.model_copy(update={"output_bytes": min(allowed, call.limits.output_bytes)})
    local = call.model_copy(update={"limits": limits})
    try:
        result = await job.lane.run(allowed + _OVERHEAD, lambda: _start_locally(unit, local))
    except FailureError as raised:
        failed = read_failure(job, unit, raised)
        return None if isinstance(failed, Failed) and failed.error.code in NOT_COUNTED else failed
    return _read_result(job, unit, result)


def _is_final(failed: Failed, retry: RetrySpec) -> bool:
    return not failed.error.error_class.retryable or failed.final or failed.ledger.count >= retry.maximum_attempts


def _start_locally(unit: Unit, call: StepInput) -> workflow.ActivityHandle[RawValue]:
    return workflow.start_local_activity(
        unit.operation.type,
        call,
        activity_id=activity_id(unit.name, unit.round),
        result_type=RawValue,
        start_to_close_timeout=min(timedelta(seconds=LOCAL_SECONDS), parse_duration(unit.operation.timeout)),
        retry_policy=RetryPolicy(maximum_attempts=1),
        summary=unit.name,
    )


def _start_activity(unit: Unit, call: StepInput, left: timedelta | None) -> workflow.ActivityHandle[RawValue]:
    spec = unit.operation
    return workflow.start_activity(
        spec.type,
        call,
        activity_id=activity_id(unit.name, unit.round),
        result_type=RawValue,
        start_to_close_timeout=parse_duration(spec.timeout),
        schedule_to_close_timeout=left,
        heartbeat_timeout=parse_duration(spec.heartbeat_timeout),
        retry_policy=_temporal_policy(call),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=unit.name,
    )


def _temporal_policy(call: StepInput) -> RetryPolicy:
    policy = call.retry
    # The server refuses a first interval above the maximum, which would fail the workflow task for ever.
    maximum = parse_duration(policy.maximum_interval)
    left = policy.maximum_attempts - call.before.tries
    return RetryPolicy(
        initial_interval=min(parse_duration(policy.initial_interval), maximum),
        backoff_coefficient=policy.backoff_coefficient,
        maximum_interval=maximum,
        maximum_attempts=1 if call.effect is Effect.AT_MOST_ONCE else left,
    )


def _read_result(job: JobRun, unit: Unit, raw: RawValue) -> Completed | Failed:
    try:
        result = StepResult.model_validate_json(raw.payload.data)
    except ValidationError as problem:
        message = f"the worker returned something that is no step result: {first_problem(problem)}"
        return failure(job, unit, "STEP.INTERNAL", ErrorClass.INTERNAL, message)
    return Completed(result.output, result.ledger.count)
