"""Parameters of the `SLEEP` step, a timer in the workflow; the workflow and the catalogue of steps read them."""

from datetime import datetime
from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from perdure.contract.duration import LONGEST, Duration, parse_duration
from perdure.contract.model import Model
from perdure.contract.timestamp import Timestamp, parse_timestamp


class SleepParams(Model):
    """Either `duration` or `until`; the other absent or null. A time that has passed ends the sleep at once."""

    duration: Duration | None = None
    until: Timestamp | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.duration is None) == (self.until is None):
            raise PydanticCustomError(
                "exclusive_fields",
                "give either duration or until",
                {"fields": ["duration", "until"]},
            )
        return self

    def is_too_far(self, now: datetime) -> bool:
        """Whether `until` is more than 365 days after `now`, which is longer than a sleep may be."""
        return self.until is not None and parse_timestamp(self.until) - now > LONGEST

    def wake_at(self, now: datetime) -> datetime:
        """When the sleep that begins at `now` (with a time zone) ends; at most 365 days later."""
        if self.duration is not None:
            return now + parse_duration(self.duration)
        return min(parse_timestamp(self.until or ""), now + LONGEST)
