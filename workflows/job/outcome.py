"""How a round of a step ended, and the reading of Temporal's activity failures into it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, FailureError, RetryState, TimeoutType
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from perdure.contract.error import ErrorClass, ErrorInfo, error_info
from perdure.contract.ledger import AttemptLedger, Heartbeat
from perdure.contract.model import Model
from perdure.contract.name import RESULT_CANCELED
from perdure.contract.state import Effect
from perdure.contract.step_call import StepFailure
from perdure.contract.step_timeout import timeout_error
from perdure.expressions import ExpressionError
from workflows.job.state import JobRun
from workflows.job.unit import Unit

TOTAL_TIMEOUT_PATCH = "total-timeout-has-its-code"


@dataclass(frozen=True, slots=True)
class Completed:
    """The round gave an output."""

    output: Any
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """The step's condition is false."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The round failed for good. `ledger` holds its attempts, where an activity told them."""

    error: ErrorInfo
    attempts: int = 0
    ledger: AttemptLedger = field(default_factory=AttemptLedger)
    final: bool = True
    """Whether the worker ruled another attempt out."""


@dataclass(frozen=True, slots=True)
class Caught:
    """The round failed for good, and a rule of the step's `catch` gave it this output."""

    failed: "Failed"
    output: Any


@dataclass(frozen=True, slots=True)
class Postponed:
    """The round was begun ahead of its turn, and nothing of it was done: it waits for its turn."""


@dataclass(frozen=True, slots=True)
class Canceled:
    """The round was stopped because the job is ending. `told`: an event of the history says so."""

    attempts: int = 0
    told: bool = False


_M = TypeVar("_M", bound=Model)
Outcome = Completed | Skipped | Failed | Caught | Canceled | Postponed


def failure(  # noqa: PLR0917  the parts of an error
    job: JobRun,
    unit: Unit,
    code: str,
    error_class: ErrorClass,
    message: str,
    details: dict[str, Any] | None = None,
) -> Failed:
    """A failure that the workflow itself found."""
    types = {"job_type": job.spec.type, "step_type": unit.operation.type}
    return Failed(error_info(code, error_class, message, details, **types))


def told(problem: ExpressionError) -> str:
    """An expression's problem in words, with the expression."""
    source = problem.expression
    return f"{problem.message} (in {source if '${' in source else f'${{ {source} }}'})"


def read_failure(job: JobRun, unit: Unit, raised: FailureError) -> Failed | Canceled:
    """What an activity's failure means for its step. A local activity's comes without `ActivityError` around it."""
    read = _read_cause(job, unit, raised)
    timed_out = isinstance(raised, ActivityError) and raised.retry_state is RetryState.TIMEOUT
    repeats = unit.step.effect is not Effect.AT_MOST_ONCE
    if isinstance(read, Failed) and timed_out and repeats and workflow.patched(TOTAL_TIMEOUT_PATCH):
        return no_time_left(job, unit, read)
    return read


def no_time_left(job: JobRun, unit: Unit, last: Failed) -> Failed:
    """Temporal makes no attempt that would begin after the total timeout, and reports the last one instead.

    Likewise what a person gave up: to Temporal, and so to the step, that is a total timeout which has passed.
    """
    found = _timeout(job, unit, TimeoutType.SCHEDULE_TO_CLOSE)
    if last.error.code == found.code:
        return last
    message = f"{found.message}, with the wait for the next one; the last one failed with {last.error.code}"
    details = {"code": last.error.code, "message": last.error.message}
    return replace(last, error=failure(job, unit, found.code, found.error_class, message, details).error)


def _read_cause(job: JobRun, unit: Unit, raised: FailureError) -> Failed | Canceled:
    cause = raised.cause if isinstance(raised, ActivityError) else raised
    if isinstance(cause, ApplicationError):
        return _read_application_error(job, unit, cause)
    if isinstance(cause, TemporalTimeoutError):
        return _read_timeout(job, unit, cause)
    if isinstance(cause, CancelledError):
        return Canceled(told=True)
    return failure(job, unit, "STEP.INTERNAL", ErrorClass.INTERNAL, str(cause or raised))


def _read_application_error(job: JobRun, unit: Unit, cause: ApplicationError) -> Failed | Canceled:
    details = read_detail(StepFailure, cause.details)
    attempts = details.ledger.count if details else 0
    if cause.type == RESULT_CANCELED:
        return Canceled(attempts, told=True)
    if details is not None:
        return Failed(details.error, attempts, details.ledger, cause.non_retryable)
    code = cause.type or "STEP.INTERNAL"
    return failure(job, unit, code, ErrorClass.INTERNAL, cause.message)


def out_of_time(job: JobRun, unit: Unit, ledger: AttemptLedger) -> Failed:
    """The time for all attempts together is up before another one could begin."""
    return Failed(_timeout(job, unit, TimeoutType.SCHEDULE_TO_CLOSE), ledger.count, ledger)


def _read_timeout(job: JobRun, unit: Unit, cause: TemporalTimeoutError) -> Failed:
    heartbeat = read_detail(Heartbeat, cause.last_heartbeat_details)
    ledger = heartbeat.ledger if heartbeat else AttemptLedger()
    return Failed(_timeout(job, unit, TimeoutType(cause.type or TimeoutType.START_TO_CLOSE)), max(1, ledger.count))


def _timeout(job: JobRun, unit: Unit, kind: TimeoutType) -> ErrorInfo:
    return timeout_error(
        kind.name,
        timeout=unit.operation.timeout,
        total_timeout=unit.operation.total_timeout,
        heartbeat_timeout=unit.operation.heartbeat_timeout,
        job_type=job.spec.type,
        step_type=unit.operation.type,
    )


def read_detail(model: type[_M], details: Sequence[Any]) -> _M | None:
    """The first of a failure's details, if it is a `model`."""
    try:
        return model.model_validate(details[0], strict=False) if details else None
    except ValidationError:
        return None
