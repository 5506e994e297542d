"""The folds a projector keeps in memory: one a run that is open, least recently used out first."""

from collections import OrderedDict
from dataclasses import dataclass, field

from perdure.projection.fold import FoldState
from perdure.projection.record import JobRecord, LiveObservation

_FORGETTABLE = 20_000
"""Closed runs that are remembered as done."""


@dataclass(slots=True)
class RunFold:
    """A run's fold, its record as this process wrote it last, and what was seen live of its steps."""

    state: FoldState
    base: JobRecord | None = None
    seen: dict[tuple[str, int], LiveObservation] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Whether the run has ended; the job may go on in another."""
        return self.state.closed is not None or self.state.continued_to is not None


class FoldCache:
    """Bounded by runs and by bytes. What is dropped is folded again from the run's first event."""

    def __init__(self, runs: int, size: int) -> None:
        self._most = (runs, size)
        self._folds: OrderedDict[str, tuple[RunFold, int]] = OrderedDict()
        self._size = 0
        self._done: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._folds)

    @property
    def size(self) -> int:
        """Bytes of all that is kept, roughly."""
        return self._size

    def take(self, run_id: str) -> RunFold | None:
        """Hand out the fold of a run, if it is kept. It is kept no longer: the caller moves it on and `put`s it."""
        fold, size = self._folds.pop(run_id, (None, 0))
        self._size -= size
        return fold

    def put(self, fold: RunFold, size: int) -> None:
        """Keep the fold of an open run, of about `size` bytes, as the one used last, as long as there is room."""
        self.take(fold.state.run_id)
        self._folds[fold.state.run_id] = (fold, size)
        self._size += size
        runs, bytes_ = self._most
        while self._folds and (len(self._folds) > runs or self._size > bytes_):
            _, (_, freed) = self._folds.popitem(last=False)
            self._size -= freed

    def finish(self, run_id: str) -> None:
        """Remember that a run is closed and written."""
        self.take(run_id)
        self._done[run_id] = None
        if len(self._done) > _FORGETTABLE:
            self._done.popitem(last=False)

    def is_finished(self, run_id: str) -> bool:
        """Whether the run is remembered as closed and written."""
        return run_id in self._done

    def distrust(self, run_id: str) -> None:
        """Read the run again, although it was done: somebody found that it is not written."""
        self._done.pop(run_id, None)
