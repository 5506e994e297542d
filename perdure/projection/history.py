"""A decoded history event, the fold's only input; made by the decoder."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNDECODABLE = "perdure.undecodable"
"""The one key of the object that stands in `data` for a payload that cannot be decoded."""


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event of one run. `type` is Temporal's name without `EVENT_TYPE_`; payloads in `data` are decoded JSON."""

    event_id: int
    at: datetime
    type: str
    data: dict[str, Any]
    summary: str | None = None
    """The event's user metadata summary: a step id, or `perdure:...` for the engine's own timers."""
