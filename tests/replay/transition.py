"""Watches what states units and jobs go through: in the workflow as it is replayed, and in the fold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from perdure.contract.identifier import UnitId
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from perdure.projection.decoder import decode_events
from workflows.job.execution import Execution
from workflows.job.unit import Unit
from workflows.job.workflow import Job

Transition = tuple[str, str]
"""From which status, to which."""
Seen = dict[str, dict[Transition, str]]
"""By kind (`job`, `step`, `item`, `compensation`): each transition, with the job it was first seen in."""


def kind_of(unit: UnitId) -> str:
    """What the tables call such a unit."""
    return "compensation" if unit.compensates else "step" if unit.index is None else "item"


class _Watched:
    """Stands in for `Unit.status`; what a run takes over from the one before is no transition."""

    def __init__(self, slot: Any, seen: Seen) -> None:
        self.slot = slot
        self.seen = seen
        self.job = ""
        self.restoring = False

    def __get__(self, unit: Unit | None, owner: type) -> Any:
        return self if unit is None else self.slot.__get__(unit, owner)

    def __set__(self, unit: Unit, status: StepStatus) -> None:
        before = getattr(unit, "status", status) if hasattr(unit, "name") else status
        self.slot.__set__(unit, status)
        if before is not status and not self.restoring:
            self.seen.setdefault(kind_of(unit.id), {}).setdefault((before.value, status.value), self.job)


@contextmanager
def watching(seen: Seen) -> Iterator[_Watched]:
    """While it lasts every change of a unit's status in a workflow of this process is taken down."""
    watched = _Watched(Unit.__dict__["status"], seen)
    begin = Execution.__init__

    def restore(execution: Execution, *args: Any) -> None:
        watched.restoring = True
        begin(execution, *args)
        watched.restoring = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Unit, "status", watched)
        patch.setattr(Execution, "__init__", restore)
        yield watched


async def of_workflow(named: list[tuple[str, WorkflowHistory]]) -> Seen:
    """The transitions of units, as the workflow goes through them."""
    seen: Seen = {}
    replayer = Replayer(
        workflows=[Job],
        data_converter=pydantic_data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
        debug_mode=True,
    )
    with watching(seen) as watched:
        for watched.job, history in named:
            await replayer.replay_workflow(history)
    return seen


async def of_fold(named: list[tuple[str, WorkflowHistory]]) -> dict[Transition, str]:
    """The transitions of jobs, as they are shown."""
    seen: dict[Transition, str] = {}
    for name, history in named:
        state = fold.start(history.workflow_id, name)
        before: JobStatus | None = None
        for event in await decode_events(pydantic_data_converter, history.events):
            fold.apply(state, event)
            if before is not None and state.status is not before and state.continued_from is None:
                seen.setdefault((before.value, state.status.value), name)
            before = state.status
    return seen
