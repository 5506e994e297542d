"""Every stable error code with its class, meaning and remedy; docs/reference/errors.md is made from it."""

from dataclasses import dataclass

from perdure.contract.error import ErrorClass


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What a code means. `title` is one line; `remedy` says what a person can do about it."""

    error_class: ErrorClass
    title: str
    remedy: str


CODES: dict[str, CodeInfo] = {}
