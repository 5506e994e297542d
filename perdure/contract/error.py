"""What went wrong, as data: classes, `ErrorInfo`, fingerprints; used by steps, workflow, fold and API."""

import hashlib
import re
from enum import StrEnum
from typing import Any

from pydantic import Field

from perdure.contract.model import Model

MESSAGE_LIMIT = 1_000
"""Characters of an error message that are kept."""


class ErrorClass(StrEnum):
    """Decides whether an attempt is repeated (contract section 6)."""

    TRANSIENT = "TRANSIENT"
    PERMANENT = "PERMANENT"
    THROTTLED = "THROTTLED"
    TIMEOUT = "TIMEOUT"
    LOST = "LOST"
    CANCELED = "CANCELED"
    INTERNAL = "INTERNAL"

    @property
    def retryable(self) -> bool:
        """Whether an attempt that failed so may be repeated."""
        return self not in (ErrorClass.PERMANENT, ErrorClass.CANCELED)


class ErrorInfo(Model):
    """One failure. `message` is for people; programs use `code` and `class`."""

    code: str
    error_class: ErrorClass = Field(alias="class")
    message: str
    fingerprint: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)


class PerdureError(Exception):
    """Root of the errors Perdure raises itself; carries a stable code and a class, never an HTTP status."""

    def __init__(self, code: str, error_class: ErrorClass, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.error_class = error_class
        self.message = message
        self.details = details or {}

    def info(self, *, job_type: str = "", step_type: str = "") -> ErrorInfo:
        """This error as data, its message cut to `MESSAGE_LIMIT` and its fingerprint set."""
        return error_info(
            self.code, self.error_class, self.message, self.details, job_type=job_type, step_type=step_type
        )


def error_info(  # the six parts of an error
    code: str,
    error_class: ErrorClass,
    message: str,
    details: dict[str, Any] | None = None,
    *,
    job_type: str = "",
    step_type: str = "",
) -> ErrorInfo:
    """An `ErrorInfo` with its message cut and its fingerprint computed."""
    return ErrorInfo.model_validate(
        {
            "code": code,
            "class": error_class,
            "message": message[:MESSAGE_LIMIT],
            "fingerprint": fingerprint(job_type, step_type, code, message),
            "details": details or {},
        }
    )


_VARIABLE_PARTS = (
    (re.compile(r"https?://[^\s\"'<>]+"), "<url>"),
    (re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"), "<uuid>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"\"[^\"]*\"|'[^']*'"), "<text>"),
    (re.compile(r"[0-9]+(?:\.[0-9]+)*"), "<n>"),
)


def normalise(message: str) -> str:
    """The message with what varies from case to case (URLs, ids, quoted text, numbers) replaced."""
    text = message[:MESSAGE_LIMIT]
    for pattern, word in _VARIABLE_PARTS:
        text = pattern.sub(word, text)
    return " ".join(text.split())


def fingerprint(job_type: str, step_type: str, code: str, message: str) -> str:
    """16 hex digits that are equal for failures of the same kind (contract section 6).

    Which version of a definition (`invoice-run@3`) failed makes no other kind: a group tells the versions it has.
    """
    parts = "\x1f".join((job_type.partition("@")[0], step_type, code, normalise(message)))
    return hashlib.sha256(parts.encode("utf-8", "replace")).hexdigest()[:16]
