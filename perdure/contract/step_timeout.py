"""The error of a step whose attempt, or all attempts together, Temporal timed out; fold and workflow share it."""

from perdure.contract.error import ErrorClass, ErrorInfo, error_info

_KINDS = {
    "START_TO_CLOSE": ("STEP.TIMEOUT", ErrorClass.TIMEOUT, "an attempt took longer than {timeout}"),
    "SCHEDULE_TO_CLOSE": (
        "STEP.TOTAL_TIMEOUT",
        ErrorClass.TIMEOUT,
        "all attempts together took longer than {total_timeout}",
    ),
    "SCHEDULE_TO_START": (
        "STEP.TOTAL_TIMEOUT",
        ErrorClass.TIMEOUT,
        "no worker took the step within {total_timeout}",
    ),
    "HEARTBEAT": (
        "WORKER.LOST",
        ErrorClass.LOST,
        "the worker that ran the step was not heard of for {heartbeat_timeout}",
    ),
}


def timeout_error(
    kind: str,
    *,
    timeout: str,
    total_timeout: str | None,
    heartbeat_timeout: str,
    job_type: str = "",
    step_type: str = "",
) -> ErrorInfo:
    """What a Temporal timeout of an activity means for its step.

    Args:
        kind: Temporal's name, as `START_TO_CLOSE`; an unknown one reads as that.
        timeout: as the spec has it, like the next two; they are told in the message.
        total_timeout: null where the spec sets none.
        heartbeat_timeout: how long a worker may be silent.
        job_type: for the fingerprint, like the next.
        step_type: the catalogue's name.
    """
    code, error_class, text = _KINDS.get(kind, _KINDS["START_TO_CLOSE"])
    message = text.format(
        timeout=timeout,
        total_timeout=total_timeout or "its total timeout",
        heartbeat_timeout=heartbeat_timeout,
    )
    return error_info(code, error_class, message, job_type=job_type, step_type=step_type)
