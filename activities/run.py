"""Runs one attempt of a step: what the wrapper puts around the implementation (architecture 4.3).

It keeps the ledger, heartbeats, fills in secrets, checks parameters and output, and turns whatever goes wrong
into an error with a code.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog
from pydantic import BaseModel, ValidationError
from structlog.typing import FilteringBoundLogger
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempt import Attempt
from activities.failure import Failure, explain
from activities.interruption import Interruption
from activities.mask import Mask
from activities.output import to_output
from activities.policy import time_allowed
from activities.runtime import StepRuntime
from activities.secret import with_secrets
from perdure.contract.duration import parse_duration
from perdure.contract.error import ErrorClass
from perdure.contract.local_first import LOCAL_SECONDS
from perdure.contract.name import TASK_QUEUE_PREFIX
from perdure.contract.step_call import StepFailure, StepInput, StepResult
from perdure.steps.catalogue import parameter_problems
from perdure.steps.context import StepContext
from perdure.steps.definition import StepDefinition
from perdure.steps.error import StepError
from perdure.telemetry.log_field import trace_id_of

_NOT_OURS = (KeyboardInterrupt, GeneratorExit)


async def run_attempt(definition: StepDefinition, runtime: StepRuntime, call: StepInput, mask: Mask) -> StepResult:
    """The step's result; called within an activity. The secrets it uses are added to `mask`.

    Raises:
        ApplicationError: the attempt failed; its detail is a `StepFailure`, its type the error's code.
    """
    attempt = Attempt(runtime, call, mask)
    log = _logger(attempt, mask)
    if attempt.number > 1:  # the one before may have been lost with its worker, telling nobody
        attempt.tell()
    limit = asyncio.timeout(_seconds(attempt))
    interruption = Interruption(attempt.heartbeat, runtime.grace)
    context = _context(runtime, attempt, log, mask, interruption)
    step = _run_step(definition, context, attempt, limit, mask)
    if attempt.info.is_local:
        output = await step
    else:
        with _slot(runtime, attempt), attempt.alive(lambda: log.info("step attempt started")):
            output = await interruption.guard(step)
    if isinstance(output, _Raised):
        raised = output.raised
        timeout = time_allowed(attempt.info, call)
        failure = explain(raised, stopped=interruption.reason, expired=limit.expired(), timeout=timeout)
        _report(attempt, runtime, failure, log, raised)
    ledger = attempt.completed()
    runtime.metrics.completed(call.step_type, attempt.age.total_seconds())
    log.info("step attempt ended", status="COMPLETED", execution_ms=_milliseconds(attempt))
    return StepResult(output=output, ledger=ledger)


@contextmanager
def _slot(runtime: StepRuntime, attempt: Attempt) -> Iterator[None]:
    """Counts the slot that an attempt from a task queue takes."""
    info = attempt.info
    queue = info.task_queue.removeprefix(TASK_QUEUE_PREFIX)
    waited = info.started_time - info.current_attempt_scheduled_time
    runtime.metrics.take_slot(queue, attempt.call.step_type, waited.total_seconds())
    try:
        yield
    finally:
        runtime.metrics.free_slot(queue)


@dataclass(frozen=True, slots=True)
class _Raised:
    """What left the step's code. Not raised again: a SystemExit would end the worker."""

    raised: BaseException


async def _run_step(
    definition: StepDefinition, context: StepContext, attempt: Attempt, limit: asyncio.Timeout, mask: Mask
) -> Any | _Raised:
    """The step's output, within its time."""
    call = attempt.call
    try:
        async with limit:
            attempt.check_effect()
            params = _params(definition, with_secrets(call, context.on_secret))
            value = await definition.run(context, params)
            return mask.json(to_output(definition.result, value, call.limits.output_bytes))
    except _NOT_OURS:
        raise
    except BaseException as raised:  # whatever it is, it is told
        if attempt.info.is_local and activity.is_cancelled():
            raise  # the job, or the worker, ends: a local try leaves no trace then
        return _Raised(raised)


def _params(definition: StepDefinition, raw: Any) -> BaseModel:
    try:
        # As JSON, like everything a client wrote: enums and dates are strings there.
        return definition.params.model_validate_json(json.dumps(raw))
    except ValidationError as refused:
        problems = parameter_problems(definition.params, raw, refused)
        raise StepError(
            "STEP.PARAMETERS", ErrorClass.PERMANENT, "; ".join(problems[:10]), {"problems": len(problems)}
        ) from None


def _context(
    runtime: StepRuntime, attempt: Attempt, log: FilteringBoundLogger, mask: Mask, interruption: Interruption
) -> StepContext:
    call = attempt.call
    return StepContext(
        job_id=call.job_id,
        step_id=call.step_id,
        step_type=call.step_type,
        tenant=call.tenant,
        round=call.round,
        attempt=attempt.number,
        attempts_before=call.attempts_before,
        idempotency_key=call.idempotency_key,
        limits=call.limits,
        log=log,
        http=runtime.http,
        checkpoint=attempt.checkpoint,
        on_heartbeat=attempt.report,
        on_secret=lambda name: mask.add(runtime.secrets.get(name)),
        on_cancelled=lambda: interruption.stopping,
        on_usage=attempt.used,
    )


def _report(
    attempt: Attempt,
    runtime: StepRuntime,
    failure: Failure,
    log: FilteringBoundLogger,
    raised: BaseException,
) -> NoReturn:
    error, final, delay = attempt.failed(failure)
    kind, seconds = attempt.call.step_type, attempt.age.total_seconds()
    runtime.metrics.failed(kind, failure.outcome, error.error_class, seconds, again=delay is not None)
    unexpected = {"exc_info": raised} if error.error_class is ErrorClass.INTERNAL else {}
    log.warning(
        "step attempt ended",
        status=str(failure.outcome),
        error_code=error.code,
        error_class=str(error.error_class),
        error_message=error.message,
        next_retry_ms=None if delay is None else round(delay.total_seconds() * 1000),
        execution_ms=_milliseconds(attempt),
        **unexpected,
    )
    attempt.tell()
    # No cause: it would be in the history, unmasked.
    raise ApplicationError(
        error.message,
        StepFailure(error=error, ledger=attempt.ledger),
        type=error.code,
        non_retryable=final,
        next_retry_delay=delay,
    ) from None


def _logger(attempt: Attempt, mask: Mask) -> FilteringBoundLogger:
    call = attempt.call
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.get_config()["logger_factory"]("perdure.step"),
        processors=[mask.log_processor, *structlog.get_config()["processors"]],
        job_id=call.job_id,
        parent_job_id=call.parent_job_id,
        step_id=call.step_id,
        step_type=call.step_type,
        tenant=call.tenant,
        trace_id=trace_id_of(call.traceparent),
        status="RUNNING",
        round=call.round,
        attempt=attempt.number,
    )
    return log


def _seconds(attempt: Attempt) -> float | None:
    if attempt.info.is_local:
        return min(LOCAL_SECONDS, parse_duration(attempt.call.timeout).total_seconds())
    allowed = attempt.info.start_to_close_timeout
    return None if allowed is None else allowed.total_seconds()


def _milliseconds(attempt: Attempt) -> int:
    return round(attempt.age.total_seconds() * 1000)
