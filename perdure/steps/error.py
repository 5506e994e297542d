"""The error a step raises to say how it failed; steps and plugins raise it, the wrapper reads it."""

from datetime import timedelta
from typing import Any

from perdure.contract.error import ErrorClass, PerdureError


class StepError(PerdureError):
    """A failed attempt. `error_class` decides whether it is repeated; any other exception is STEP.INTERNAL.

    Args:
        code: dotted and stable, e.g. `STEP.RESIZE.FORMAT`.
        error_class: PERMANENT is never repeated; TRANSIENT and THROTTLED are.
        message: what is wrong, where, and how to mend it.
        details: JSON that helps to find the cause; at most 4 KiB are kept.
        retry_after: how long the other side asked to wait; up to an hour is followed.
    """

    def __init__(
        self,
        code: str,
        error_class: ErrorClass,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(code, error_class, message, details)
        self.retry_after = retry_after
