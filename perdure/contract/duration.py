"""Durations as clients write them (`250ms 30s 10m 2h 7d`); used by the spec, the workflow and the steps."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

_FORM = re.compile(r"(0|[1-9][0-9]{0,11})(ms|s|m|h|d)", re.ASCII)
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SHORTEST = timedelta(milliseconds=1)
LONGEST = timedelta(days=365)


def parse_duration(text: str) -> timedelta:
    """The time span that `text` names, between 1 ms and 365 days.

    Raises:
        ValueError: the text is not a whole number and a unit, or the span is out of bounds.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("must be a duration, a whole number and a unit: 250ms, 30s, 10m, 2h or 7d")
    milliseconds = int(match[1]) * _UNIT_MS[match[2]]
    if not 1 <= milliseconds <= LONGEST // SHORTEST:
        raise ValueError("must be a duration of at least 1ms and at most 365d")
    return timedelta(milliseconds=milliseconds)


def _checked(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, AfterValidator(_checked)]
"""A string that `parse_duration` accepts; kept as written."""
