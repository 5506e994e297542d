"""Child workflows: of JOB steps, and dependents. They are jobs of their own; the parent tells what it hears of them."""

import re

from perdure.contract.execution import JobResult
from perdure.contract.identifier import UnitId, parse_unit_id
from perdure.contract.journal import JournalType
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.change import begin, complete, finish, unit_of
from perdure.projection.fold.row import Row, unit_row
from perdure.projection.fold.state import FoldState
from perdure.projection.history import HistoryEvent

_CLOSED = "CHILD_WORKFLOW_EXECUTION_"
_COMPLETED = "COMPLETED"
_CANCELED = "CANCELED"
_OF_STEP = re.compile(r"(?P<unit>[^.~]+(?:\.[0-9]{1,6})?)(?:\.r(?P<round>[0-9]{1,9}))?", re.ASCII)


def on_child_started(state: FoldState, event: HistoryEvent) -> list[Row]:
    """Temporal has started the child."""
    named = _unit_and_round(state, event)
    if named is None:
        return [Row(JournalType.CHILD_STARTED, event.at, data=_child(event))]
    id_, round_ = named
    unit = unit_of(state, id_, "JOB")
    if round_ >= unit.round and not unit.status.final:
        unit.round = round_
        begin(state, unit, StepStatus.RUNNING, event.at)
    return [unit_row(JournalType.CHILD_STARTED, event.at, unit, data={**_child(event), "round": round_})]


def on_child_closed(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The child ended while its parent was there to hear of it; a step that waits for it completes with it."""
    outcome = event.type.removeprefix(_CLOSED)
    data = {**_child(event), "outcome": outcome}
    named = _unit_and_round(state, event)
    if named is None:
        return [Row(JournalType.CHILD_CLOSED, event.at, data=data)]
    id_, round_ = named
    unit = unit_of(state, id_, "JOB")
    data["round"] = round_
    waited = state.step(id_.step).awaits_child and unit.status is StepStatus.RUNNING and unit.round == round_
    if waited and outcome == _CANCELED:
        # Where it was not the job that stopped it, a note says what becomes of the step.
        finish(state, unit, StepStatus.CANCELED, event.at)
    if not waited or outcome != _COMPLETED:
        return [unit_row(JournalType.CHILD_CLOSED, event.at, unit, data=data)]
    closed = unit_row(JournalType.CHILD_CLOSED, event.at, unit, data=data)
    result = reading.model(JobResult, event.data.get("result"))
    told = complete(state, unit, result.output if result else event.data.get("result"), event.at)
    return [closed, unit_row(told, event.at, unit, data={"round": round_})]


def _unit_and_round(state: FoldState, event: HistoryEvent) -> tuple[UnitId, int] | None:
    """The unit whose child it is: `{job}~{step}[.{index}][.r{round}]`; None for a dependent, `{job}~~{name}`."""
    child, prefix = reading.text(event.data, "child_id") or "", f"{state.job_id}~"
    if not child.startswith(prefix):
        return None
    found = _OF_STEP.fullmatch(child.removeprefix(prefix))
    unit = parse_unit_id(found["unit"]) if found else None
    return (unit, int(found["round"] or 1)) if found and unit else None


def _child(event: HistoryEvent) -> dict[str, str | int | None]:
    return {"child": reading.text(event.data, "child_id"), "child_run_id": reading.text(event.data, "child_run_id")}
