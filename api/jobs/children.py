"""The jobs that a job started, or was to start: from the rows of its journal, wherever these come from; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus
from perdure.projection.history import HistoryEvent

MOST_CHILDREN = 500
"""That a job shows itself; the list of jobs has all."""
TELLING = (JournalType.CHILD_STARTED, JournalType.CHILD_NOT_STARTED)
Started = Mapping[str, str | None]
"""By the child's id None, or why it could not be started."""
_STARTED, _TASK_FAILED, _RESET = "CHILD_WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_FAILED", "RESET_WORKFLOW"


@dataclass(frozen=True, slots=True)
class Child:
    """`status` is None of one that was not started; `problem` is why."""

    status: JobStatus | None
    problem: str | None = None


def started(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, str | None]:
    """What rows of these types (type and data, in order) say; the first children of many."""
    found: dict[str, str | None] = {}
    for type_, data in rows:
        id_ = data.get("child")
        if not isinstance(id_, str):
            continue
        if type_ == JournalType.CHILD_STARTED:
            found[id_] = None
        elif type_ == JournalType.CHILD_NOT_STARTED:
            found.setdefault(id_, str(data.get("reason") or "it could not be started"))
    return dict(list(found.items())[:MOST_CHILDREN])


def with_states(children: Started, states: Mapping[str, JobStatus]) -> dict[str, Child]:
    """A child that was started and has no row was started just now."""
    return {
        id_: Child(states.get(id_, JobStatus.QUEUED)) if problem is None else Child(None, problem)
        for id_, problem in children.items()
    }


def in_prefix(events: Sequence[HistoryEvent]) -> list[tuple[str, Mapping[str, Any]]]:
    """What a run's events say of children that were started, those that a reset copied among them."""
    return [
        (JournalType.CHILD_STARTED, {"child": event.data.get("child_id")}) for event in events if event.type == _STARTED
    ]


def replaced_runs(events: Sequence[HistoryEvent]) -> list[str]:
    """The runs in whose place resets have put this one, oldest first."""
    bases = (event.data.get("base_run_id") for event in events if _is_reset(event))
    return list(dict.fromkeys(base for base in bases if base))


def _is_reset(event: HistoryEvent) -> bool:
    return event.type == _TASK_FAILED and event.data.get("cause") == _RESET
