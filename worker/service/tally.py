"""Counts the jobs that ended, as the metrics do, by the hour they ended in. Fed by the witness, told by `Counting`.

What is counted here and what `perdure_jobs_completed_total` and the like show is counted in one place, of the same
rows: so what is compared each hour is what Prometheus was told.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.projection.record import JobRecord, JournalEvent
from perdure.store.ended_count import Ended

_OUTCOMES = {
    JournalType.JOB_COMPLETED: JobStatus.COMPLETED,
    JournalType.JOB_FAILED: JobStatus.FAILED,
    JournalType.JOB_CANCELED: JobStatus.CANCELED,
    JournalType.JOB_TIMED_OUT: JobStatus.TIMED_OUT,
    JournalType.JOB_TERMINATED: JobStatus.TERMINATED,
}
_REMEMBERED = timedelta(days=2)
"""An end that is learned of later than this is not counted: its hour was compared long ago."""


class Tally:
    """Whole numbers since the start; those that changed since they were last told are told again."""

    def __init__(self, span: timedelta = timedelta(hours=1)) -> None:
        self._span = span.total_seconds()
        self._counts: dict[Ended, int] = {}
        self._changed: set[Ended] = set()

    def count(self, job: JobRecord, rows: Sequence[JournalEvent]) -> None:
        """Count rows of a job that were inserted just now."""
        for row in rows:
            outcome = _OUTCOMES.get(row.type)
            if outcome is not None and row.at > datetime.now(UTC) - self._remembered:
                key = Ended(self._begin(row.at), job.type, outcome.value)
                self._counts[key] = self._counts.get(key, 0) + 1
                self._changed.add(key)

    def changed(self) -> Mapping[Ended, int]:
        """What is to be told; give it to `told` when it was."""
        return {key: self._counts[key] for key in self._changed}

    def told(self, counts: Mapping[Ended, int]) -> None:
        """These were told; what is long past is forgotten."""
        self._changed -= {key for key, number in counts.items() if self._counts[key] == number}
        old = datetime.now(UTC) - self._remembered
        for key in [key for key in self._counts if key.span < old and key not in self._changed]:
            del self._counts[key]

    @property
    def _remembered(self) -> timedelta:
        return max(_REMEMBERED, timedelta(seconds=2 * self._span))

    def _begin(self, moment: datetime) -> datetime:
        return datetime.fromtimestamp(moment.timestamp() // self._span * self._span, UTC)
