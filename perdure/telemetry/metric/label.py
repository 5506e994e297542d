"""Keeps label values few, whatever clients name their types and queues. Used by every metric with such a label."""

from collections.abc import Iterable
from dataclasses import dataclass, field

OTHER = "other"
MOST_TYPES, MOST_QUEUES = 100, 50


class BoundedLabel:
    """The values of one label: those known beforehand and the first others, up to `limit`; then `other`."""

    def __init__(self, limit: int, known: Iterable[str] = ()) -> None:
        self.known = tuple(known)
        self._limit = limit
        self._values = set(self.known)

    def of(self, value: str) -> str:
        """The label's value for `value`."""
        if value in self._values:
            return value
        if len(self._values) >= self._limit:
            return OTHER
        self._values.add(value)
        return value


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels whose values clients choose; one for all metrics of a process."""

    job_type: BoundedLabel = field(default_factory=lambda: BoundedLabel(MOST_TYPES))
    step_type: BoundedLabel = field(default_factory=lambda: BoundedLabel(MOST_TYPES))
    queue: BoundedLabel = field(default_factory=lambda: BoundedLabel(MOST_QUEUES))

    @classmethod
    def serving(cls, queues: Iterable[str], step_types: Iterable[str] = ()) -> "Labels":
        """With the queues that this process serves, and the step types it has, known beforehand."""
        return cls(step_type=BoundedLabel(MOST_TYPES, step_types), queue=BoundedLabel(MOST_QUEUES, queues))
