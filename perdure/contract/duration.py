"""Durations as clients write them (`250ms 30s 10m 2h 7d`); used by the spec, the workflow and the steps."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

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


def _written(value: Any) -> Any:
    # Who writes 5 is told about units, not that it should have been a string.
    if isinstance(value, int | float):
        message = 'must be a duration in quotes, with its unit: "250ms", "30s", "10m", "2h" or "7d"'
        raise PydanticCustomError("duration_type", message)
    return value


def _checked(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[str, BeforeValidator(_written), AfterValidator(_checked)]
"""A string that `parse_duration` accepts; kept as written."""
