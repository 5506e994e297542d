"""Remembers how far jobs were told from Temporal itself, so that a reading of the store tells nobody less."""

from collections import OrderedDict
from datetime import datetime

from perdure.projection.record import JobRecord

_MOST = 10_000
"""Jobs remembered; a row is seldom more than a second behind."""

_Place = tuple[datetime, int]
"""When the run began, and its last event."""


class Told:
    """Of one process. What another one told is not known here: a client that asks both may still see less."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def note(self, job: JobRecord) -> None:
        """The job was told from Temporal."""
        self._places[job.id] = max(_place(job), self._places.pop(job.id, _place(job)))
        if len(self._places) > _MOST:
            self._places.popitem(last=False)

    def more_than(self, row: JobRecord) -> bool:
        """Whether more of the job was told than its row says."""
        told = self._places.get(row.id)
        if told is None:
            return False
        if told > _place(row):
            return True
        del self._places[row.id]
        return False


def _place(job: JobRecord) -> _Place:
    return job.run_started_at, job.last_event_id
