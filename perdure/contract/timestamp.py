"""Moments as clients write them: RFC 3339 with an offset; used by the spec, `SLEEP` and the API's filters."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse_timestamp(text: str) -> datetime:
    """The moment an RFC 3339 timestamp names, in UTC, to the microsecond.

    Raises:
        ValueError: the text has another form, no offset, or names no real moment.
    """
    if _FORM.fullmatch(text) is None:
        raise ValueError("must be an RFC 3339 time with its offset: 2026-12-01T00:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such day or time: look at month, day, hour, minute, second and offset") from None


def _checked(text: str) -> str:
    parse_timestamp(text)
    return text


Timestamp = Annotated[str, AfterValidator(_checked)]
"""A text that `parse_timestamp` reads; kept as it was written."""
