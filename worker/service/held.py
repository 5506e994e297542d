"""Jobs with an activity that somebody paused in Temporal: no event and no mark tells of it. Used by the sweep."""

from collections.abc import Collection
from itertools import islice

from worker.mark import Mark, MarkSet

_AGAIN = 50
"""Jobs that were held before and are looked at again each time, in turn: another of their steps may be held by now."""


class HeldJobs:
    """Which jobs were held when visibility was asked last."""

    def __init__(self, marks: MarkSet) -> None:
        self._marks = marks
        self._known: dict[tuple[str, str], None] = {}

    def compare(self, held: Collection[tuple[str, str]]) -> None:
        """Have what is live looked at: of jobs that are held now and were not, or the reverse, and of some others.

        Args:
            held: (job, run) of those that are held now.
        """
        now = set(held)
        new = [key for key in held if key not in self._known]
        gone = [key for key in self._known if key not in now]
        again = list(islice((key for key in self._known if key in now), _AGAIN))
        for key in gone + again:
            del self._known[key]
        self._known |= dict.fromkeys([*new, *again])
        for job_id, run_id in [*new, *gone, *again]:
            self._marks.put_attempt(Mark(job_id, run_id))
