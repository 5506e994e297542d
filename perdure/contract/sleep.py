"""Parameters of the `SLEEP` step, a timer in the workflow; the workflow and the catalogue of steps read them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from perdure.contract.duration import LONGEST, Duration, parse_duration
from perdure.contract.model import Model

_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse_timestamp(text: str) -> datetime:
    """The moment an RFC 3339 timestamp names, in UTC, to the microsecond.

    Raises:
        ValueError: the text has another form, no offset, or names no real moment.
    """
    if _TIMESTAMP.fullmatch(text) is None:
        raise ValueError("a time is an RFC 3339 timestamp with its offset: 2026-12-01T00:00:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise ValueError(f"there is no such time: {problem}") from None


def _checked(text: str) -> str:
    parse_timestamp(text)
    return text


class SleepParams(Model):
    """Either `duration` or `until`; the other absent or null. A time that has passed ends the sleep at once."""

    duration: Duration | None = None
    until: Annotated[str, AfterValidator(_checked)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.duration is None) == (self.until is None):
            raise PydanticCustomError(
                "exclusive_fields",
                "give either duration or until",
                {"fields": ["duration", "until"]},
            )
        return self

    def wake_at(self, now: datetime) -> datetime:
        """When the sleep that begins at `now` (with a time zone) ends; at most 365 days later."""
        if self.duration is not None:
            return now + parse_duration(self.duration)
        return min(parse_timestamp(self.until or ""), now + LONGEST)
