"""Runs one attempt of a step: what the wrapper puts around the implementation (architecture 4.3).

It keeps the ledger, heartbeats, fills in secrets, checks parameters and output, and turns whatever goes wrong
into an error with a code.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import structlog
from pydantic import ValidationError
from structlog.typing import FilteringBoundLogger
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempt import Attempt
from activities.failure import Failure, explain
from activities.mask import Mask
from activities.output import to_output
from activities.runtime import StepRuntime
from activities.secret import with_secrets
from perdure.contract.error import ErrorClass
from perdure.contract.name import TASK_QUEUE_PREFIX
from perdure.contract.step_call import StepFailure, StepInput, StepResult
from perdure.steps.catalogue import parameter_problems
from perdure.steps.context import StepContext
from perdure.steps.definition import StepDefinition
from perdure.steps.error import StepError
from perdure.telemetry.log_field import trace_id_of

_NOT_OURS = (KeyboardInterrupt, GeneratorExit)


async def run_attempt(definition: StepDefinition, runtime: StepRuntime, call: StepInput) -> StepResult:
    """The step's result; called within an activity.

    Raises:
        ApplicationError: the attempt failed; its detail is a `StepFailure`, its type the error's code.
    """
    mask = Mask()
    attempt = Attempt(runtime, call, mask)
    log = _logger(attempt, mask)
    log.info("step attempt started")
    if attempt.number > 1:  # the one before may have been lost with its worker, telling nobody
        attempt.tell()
    limit = asyncio.timeout(_seconds(attempt))
    try:
        async with _slot(runtime, attempt), attempt.alive(), limit:
            value = await _run_step(definition, runtime, attempt, mask, log)
            output = mask.json(to_output(definition.result, value, call.limits.output_bytes))
    except _NOT_OURS:
        raise
    except BaseException as raised:  # noqa: BLE001  a step's SystemExit must not end the worker
        failure = explain(
            raised,
            stopped=activity.cancellation_details(),
            expired=limit.expired(),
            timeout=call.timeout,
        )
        _report(attempt, runtime, failure, log, raised)
    ledger = attempt.completed()
    runtime.metrics.completed(call.step_type, attempt.age.total_seconds())
    log.info("step attempt ended", status="COMPLETED", execution_ms=_milliseconds(attempt))
    return StepResult(output=output, ledger=ledger)


@asynccontextmanager
async def _slot(runtime: StepRuntime, attempt: Attempt) -> AsyncIterator[None]:
    """Counts the slot that an attempt from a task queue takes."""
    info = attempt.info
    if info.is_local:
        yield
        return
    queue = info.task_queue.removeprefix(TASK_QUEUE_PREFIX)
    waited = info.started_time - info.current_attempt_scheduled_time
    runtime.metrics.take_slot(queue, attempt.call.step_type, waited.total_seconds())
    try:
        yield
    finally:
        runtime.metrics.free_slot(queue)


async def _run_step(
    definition: StepDefinition,
    runtime: StepRuntime,
    attempt: Attempt,
    mask: Mask,
    log: FilteringBoundLogger,
) -> Any:
    def secret(name: str) -> str:
        return mask.add(runtime.secrets.get(name))

    raw = with_secrets(attempt.call, secret)
    try:
        # As JSON, like everything a client wrote: enums and dates are strings there.
        params = definition.params.model_validate_json(json.dumps(raw))
    except ValidationError as refused:
        problems = parameter_problems(refused)
        raise StepError(
            "STEP.PARAMETERS", ErrorClass.PERMANENT, "; ".join(problems[:10]), {"problems": len(problems)}
        ) from None
    return await definition.run(_context(runtime, attempt, log, secret), params)


def _context(
    runtime: StepRuntime, attempt: Attempt, log: FilteringBoundLogger, secret: Callable[[str], str]
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
        on_secret=secret,
        on_cancelled=activity.is_cancelled,
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
    allowed = attempt.info.start_to_close_timeout
    return None if allowed is None else allowed.total_seconds()


def _milliseconds(attempt: Attempt) -> int:
    return round(attempt.age.total_seconds() * 1000)
