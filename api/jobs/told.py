"""Remembers how far jobs were told from Temporal itself, so that a reading of the store tells nobody less."""

from collections import OrderedDict
from datetime import datetime

from perdure.projection.record import JobRecord

_MOST = 10_000
"""Jobs remembered; a row is seldom more than a second behind."""

Place = tuple[datetime, int]
"""How far a job's history is known: when its newest run began, and the last event of that."""


class Told:
    """Of one process. What another one told is not known here: a client that asks both may still see less."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, Place] = OrderedDict()

    def note(self, job: JobRecord) -> None:
        """The job was told from Temporal."""
        place = (job.run_started_at, job.last_event_id)
        self._places[job.id] = max(place, self._places.pop(job.id, place))
        if len(self._places) > _MOST:
            self._places.popitem(last=False)

    def more_than(self, job_id: str, stored: Place | None) -> bool:
        """Whether more of the job was told than is stored of it."""
        told = self._places.get(job_id)
        if told is None:
            return False
        if stored is None or told > stored:
            return True
        del self._places[job_id]
        return False
