"""How quickly bulk decisions may follow each other, so that fresh jobs notice little; used by the bulk activities."""

from collections import deque

AT_ONCE = 2
"""Decisions of one page that are under way at the same time."""
_REMEMBERED = 200
_EASY = 3.0
"""Up to so many times what quick ones took of late, a decision says that workers have room."""
_QUICKER, _SLOWER = 0.95, 1.2
_LEAST_REST, _FIRST_REST, _MOST_REST = 2.0, 2.0, 4.0
_MOST_SECONDS = 5.0


class Pace:
    """One a worker process: what a decision takes tells how busy the workers are, whoever keeps them so.

    After each decision its turn rests, for some times what the decision took: what the job does afterwards comes on
    top of it. Less where decisions are answered as quickly as ever, more where they wait.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)
        self._times = _FIRST_REST

    def rest(self, took: float) -> float:
        """Seconds to rest after a decision that took so many."""
        self._recent.append(took)
        quick = sorted(self._recent)[len(self._recent) // 4]
        changed = self._times * (_QUICKER if took <= _EASY * quick else _SLOWER)
        self._times = min(_MOST_REST, max(_LEAST_REST, changed))
        return min(_MOST_SECONDS, self._times * took)
