"""Stored histories as the writer gets them: folded up to any event, under ids of a test's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure.projection import fold
from perdure.projection.decoder import decode_events
from perdure.projection.history import HistoryEvent
from perdure.projection.record import JobRecord, JournalEvent
from perdure.projection.writer import ItemSource, Projection, RunProjection

STORED = Path(__file__).parents[2] / "replay" / "histories"


@dataclass(frozen=True)
class StoredRun:
    """One run's events. `run_id` is its own."""

    run_id: str
    events: Sequence[HistoryEvent]


async def stored_runs(*names: str) -> list[StoredRun]:
    found = []
    for name in names:
        history = WorkflowHistory.from_json(name, (STORED / f"{name}.json").read_text())
        events = await decode_events(pydantic_data_converter, history.events)
        found.append(StoredRun(events[0].data["original_run_id"], events))
    return found


def under(runs: Sequence[StoredRun], suffix: str) -> list[StoredRun]:
    """The same runs under other ids, so that tests share no rows."""

    def renamed(event: HistoryEvent) -> HistoryEvent:
        data = dict(event.data)
        for key in ("original_run_id", "continued_from", "first_run_id", "new_run_id"):
            if data.get(key):
                data[key] += suffix
        return replace(event, data=data)

    return [StoredRun(run.run_id + suffix, [renamed(event) for event in run.events]) for run in runs]


class Projector:
    """Folds the runs of one job portion by portion, as a projector does that writes after each."""

    def __init__(self, job_id: str, runs: Sequence[StoredRun]) -> None:
        self.job_id = job_id
        self._runs = runs
        self._states = [fold.start(job_id, run.run_id) for run in runs]
        self._bases = dict[str, JobRecord]()

    @property
    def length(self) -> int:
        return sum(len(run.events) for run in self._runs)

    def advance(self, count: int) -> Projection:
        """Fold the next `count` events (at least one of a run that is begun), over the runs in order."""
        journal = list[JournalEvent]()
        touched: list[RunProjection] = []
        last_at = None
        for run, state in zip(self._runs, self._states, strict=True):
            portion = run.events[state.last_event_id : state.last_event_id + count]
            for event in portion:
                journal += fold.apply(state, event)
                last_at = event.at
            count -= len(portion)
            if state.last_event_id and (portion or run is self._runs[0]):
                touched.append(self._run(state))
        return Projection(self.job_id, touched, journal, last_event_at=last_at)

    def _run(self, state: fold.FoldState) -> RunProjection:
        record = fold.record(state)
        base = self._bases.get(state.run_id)
        self._bases[state.run_id] = record
        closed = state.closed is not None or state.continued_to is not None
        return RunProjection(record, closed, state.continued_from or None, base, ItemSource.of(state))

    def all(self) -> Projection:
        return self.advance(self.length)


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in STORED.glob("*.json")))
