"""The step wrapper: makes a Temporal activity of every step type. The worker registers what `all_activities` gives.

Around each attempt it keeps the ledger, heartbeats, fills in secrets, checks parameters and output, and turns
whatever goes wrong into an error with a code (architecture 4.3).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError
from structlog.typing import FilteringBoundLogger
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.attempt import Attempt
from activities.failure import Failure, explain
from activities.mask import Mask
from activities.output import to_output
from activities.request_cancel import request_cancel
from activities.runtime import StepRuntime
from activities.secret import with_secrets
from activities.steps import BUILT_IN
from perdure.contract.error import ErrorClass
from perdure.contract.step_call import StepFailure, StepInput, StepResult
from perdure.steps.catalogue import parameter_problems
from perdure.steps.context import StepContext
from perdure.steps.definition import StepDefinition, definition_of
from perdure.steps.error import StepError

StepActivity = Callable[[StepInput], Awaitable[StepResult]]
_NOT_OURS = (KeyboardInterrupt, GeneratorExit)


def all_activities(runtime: StepRuntime, plugins: Sequence[StepDefinition] = ()) -> list[Callable[..., Any]]:
    """Every activity of a worker: the built-in steps, those of plugins, unknown steps, and the engine's own."""
    definitions = [*(definition_of(function) for function in BUILT_IN), *plugins]
    steps = [activity_for(definition, runtime) for definition in definitions]
    return [*steps, unknown_step(runtime, [definition.name for definition in definitions]), request_cancel]


def activity_for(definition: StepDefinition, runtime: StepRuntime) -> StepActivity:
    """The activity of one step type."""

    @activity.defn(name=definition.name)
    async def run(call: StepInput) -> StepResult:
        return await _run_attempt(definition, runtime, call)

    return run


def unknown_step(runtime: StepRuntime, known: Sequence[str]) -> Callable[..., Any]:
    """The activity for every type this worker does not have: the attempt fails and is repeated, perhaps elsewhere."""

    async def refuse(ctx: StepContext, _params: Any) -> NoReturn:
        raise StepError(
            "WORKER.STEP_TYPE_UNKNOWN",
            ErrorClass.TRANSIENT,
            f"the worker {runtime.worker} has no step type {ctx.step_type!r}; it has: {', '.join(sorted(known))}. "
            "Install its plugin there, or give the job a queue whose workers have it",
        )

    definition = StepDefinition("UNKNOWN", 1, _Anything, TypeAdapter(Any), refuse)

    @activity.defn(dynamic=True)
    async def run(args: Sequence[RawValue]) -> StepResult:
        call = activity.payload_converter().from_payload(args[0].payload, StepInput)
        return await _run_attempt(definition, runtime, call)

    return run


class _Anything(BaseModel, extra="allow"):
    """Parameters nobody will look at."""


async def _run_attempt(definition: StepDefinition, runtime: StepRuntime, call: StepInput) -> StepResult:
    mask = Mask()
    attempt = Attempt(runtime, call, mask)
    log = _logger(attempt, mask)
    log.info("step attempt started", status="RUNNING")
    limit = asyncio.timeout(_seconds(attempt))
    try:
        async with attempt.alive(), limit:
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
    log.info("step attempt ended", status="COMPLETED", execution_ms=_milliseconds(attempt))
    return StepResult(output=output, ledger=ledger)


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
        attempt=attempt.info.attempt,
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
    try:
        runtime.on_attempt_failed(attempt.call.job_id, attempt.info.workflow_run_id or "")
    except Exception:  # an observer must not change what happens to the step
        log.warning("the observer of failed attempts failed", exc_info=True)
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
        step_id=call.step_id,
        step_type=call.step_type,
        tenant=call.tenant,
        round=call.round,
        attempt=attempt.info.attempt,
    )
    return log


def _seconds(attempt: Attempt) -> float | None:
    allowed = attempt.info.start_to_close_timeout
    return None if allowed is None else allowed.total_seconds()


def _milliseconds(attempt: Attempt) -> int:
    return round(attempt.age.total_seconds() * 1000)
