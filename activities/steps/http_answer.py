"""What the answer to an HTTP_CALL becomes: an output, or an error with its class."""

import base64
import codecs
import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from activities.output import json_flaw
from perdure.egress.body import BodyTooLargeError, read_beginning, read_body
from perdure.steps import ErrorClass, StepError

_EXCERPT = 500
_THROTTLED = frozenset({429, 503})
_TRANSIENT_4XX = frozenset({408, 425})


async def bounded_answer(answer: httpx.Response, limit: int, where: dict[str, Any]) -> dict[str, Any]:
    """The output of the step.

    Raises:
        StepError: the body is larger than `limit` bytes (STEP.HTTP.RESPONSE_TOO_LARGE); the rest is not read.
    """
    try:
        body = await read_body(answer, limit)
    except BodyTooLargeError:
        raise StepError(
            "STEP.HTTP.RESPONSE_TOO_LARGE",
            ErrorClass.PERMANENT,
            f"{where['method']} {where['url']} answered with more than {limit} bytes: ask for less",
            {**where, "status": answer.status_code, "limit": limit},
        ) from None
    output: dict[str, Any] = {"status": answer.status_code, "headers": dict(answer.headers)}
    text = _text(body, answer)
    if text is None:
        return {**output, "body": base64.b64encode(body).decode(), "body_encoding": "base64"}
    return {**output, "body": _value(text, answer)}


async def refused(answer: httpx.Response, where: dict[str, Any]) -> StepError:
    """The error for a status that was not expected."""
    status = answer.status_code
    beginning = await read_beginning(answer, 4 * _EXCERPT)
    code, error_class = _classified(status)
    phrase = f"{status} {answer.reason_phrase}".strip()
    details = {**where, "status": status, "body_excerpt": _excerpt(beginning)}
    return StepError(
        code,
        error_class,
        f"{where['method']} {where['url']} answered {phrase}",
        details,
        retry_after=retry_after(answer.headers.get("retry-after")) if error_class.retryable else None,
    )


def retry_after(value: str | None) -> timedelta | None:
    """How long a `Retry-After` header (seconds, or an HTTP date) asks to wait; None when it says nothing."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:10]), 10**9))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(timedelta(0), moment - datetime.now(UTC))


def _classified(status: int) -> tuple[str, ErrorClass]:
    if status in _THROTTLED:
        return "STEP.HTTP.THROTTLED", ErrorClass.THROTTLED
    if status in _TRANSIENT_4XX:
        return "STEP.HTTP.4XX", ErrorClass.TRANSIENT
    family = status // 100
    if family == 4:  # noqa: PLR2004  the family is the digit
        return "STEP.HTTP.4XX", ErrorClass.PERMANENT
    if family == 5:  # noqa: PLR2004
        return "STEP.HTTP.5XX", ErrorClass.TRANSIENT
    return "STEP.HTTP.EXPECT", ErrorClass.PERMANENT


def _text(body: bytes, answer: httpx.Response) -> str | None:
    try:
        codecs.lookup(answer.charset_encoding or "utf-8")
        text = body.decode(answer.charset_encoding or "utf-8")
    except (LookupError, UnicodeError):
        return None
    return text if json_flaw(text) is None else None


def _value(text: str, answer: httpx.Response) -> Any:
    """The JSON value where the answer says it is JSON and it can be kept as such; else the text."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return text
    if not text:
        return None
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text
    return value if json_flaw(value) is None else text


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _excerpt(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\x00", "")[:_EXCERPT]
