"""From whatever ended an attempt to its outcome and error: the one place that decides what a failure means."""

import asyncio
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Any

from temporalio.activity import ActivityCancellationDetails

from activities.mask import Mask
from activities.output import json_flaw
from perdure.contract.error import ErrorClass, ErrorInfo, PerdureError, error_info
from perdure.contract.json_size import json_bytes
from perdure.contract.ledger import SHUTDOWN
from perdure.contract.name import RESULT_CANCELED
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepInput
from perdure.expressions import ExpressionError
from perdure.steps.error import StepError

DETAIL_BYTES = 4 * 1024
_AT_ONCE = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt failed. `delay` is set where the wait before the next one does not follow the policy."""

    outcome: AttemptOutcome
    error: PerdureError
    delay: timedelta | None = None


def explain(
    raised: BaseException, *, stopped: ActivityCancellationDetails | None, expired: bool, timeout: str
) -> Failure:
    """What it means that `raised` left a step.

    Args:
        raised: the exception.
        stopped: why Temporal asked the attempt to stop, if it did.
        expired: whether the attempt used up its time.
        timeout: that time, as the spec has it.
    """
    if stopped is not None and stopped.cancel_requested:
        message = "the step was stopped because its job was canceled"
        return Failure(AttemptOutcome.CANCELED, PerdureError(RESULT_CANCELED, ErrorClass.CANCELED, message))
    if expired or (stopped is not None and stopped.timed_out):
        return Failure(AttemptOutcome.TIMED_OUT, timeout_error(timeout))
    if stopped is not None:
        return Failure(AttemptOutcome.LOST, _interruption(stopped), _AT_ONCE)
    return Failure(AttemptOutcome.FAILED, _own_error(raised))


def timeout_error(timeout: str) -> PerdureError:
    """The error of an attempt that took too long."""
    return PerdureError("STEP.TIMEOUT", ErrorClass.TIMEOUT, f"an attempt took longer than {timeout}")


def lost_error(worker: str | None) -> PerdureError:
    """The error of an attempt whose worker went silent."""
    whose = f"the worker {worker}" if worker else "the worker that ran the step"
    return PerdureError("WORKER.LOST", ErrorClass.LOST, f"{whose} was not heard of any more")


def to_info(error: PerdureError, call: StepInput, mask: Mask) -> ErrorInfo:
    """The error as data: masked, storable, and in bounds."""
    details = error.details
    if json_flaw(details) is not None or json_bytes(details) > DETAIL_BYTES:
        details = {"omitted": "the details are not JSON, or too large"}
    return error_info(
        _storable(mask.text(error.code))[:100],
        error.error_class,
        _storable(mask.text(error.message)),
        mask.json(details),
        job_type=call.job_type,
        step_type=call.step_type,
    )


def _interruption(stopped: ActivityCancellationDetails) -> PerdureError:
    if stopped.reset:
        return PerdureError("WORKER.INTERRUPTED", ErrorClass.LOST, "an operator reset the running activity in Temporal")
    if stopped.not_found and not stopped.worker_shutdown:
        return PerdureError("WORKER.LOST", ErrorClass.LOST, "Temporal no longer waits for this attempt: it is given up")
    return PerdureError(SHUTDOWN, ErrorClass.LOST, "the worker was told to stop while the step ran")


def _own_error(raised: BaseException) -> PerdureError:
    if isinstance(raised, asyncio.CancelledError):
        # Nobody asked it to stop. Taken for an interruption, which counts for nothing, it would be repeated for ever.
        return PerdureError("STEP.INTERNAL", ErrorClass.INTERNAL, "the step canceled itself")
    if isinstance(raised, ExpressionError):
        return StepError(raised.code, ErrorClass.PERMANENT, str(raised))
    if not isinstance(raised, PerdureError):
        return _unexpected(raised)
    if raised.error_class is ErrorClass.CANCELED or raised.code == RESULT_CANCELED:
        # Only a job that ends cancels a step; the record must not take this failure for that.
        return StepError("STEP.FAILED", ErrorClass.PERMANENT, raised.message, raised.details)
    return raised


def _unexpected(raised: BaseException) -> PerdureError:
    details: dict[str, Any] = {"exception": type(raised).__qualname__}
    frames = traceback.extract_tb(raised.__traceback__)
    if frames:
        details["at"] = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}"
    message = f"{type(raised).__name__}: {raised}" if str(raised) else type(raised).__name__
    return PerdureError("STEP.INTERNAL", ErrorClass.INTERNAL, message, details)


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "")
