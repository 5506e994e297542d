"""What of a job is parked, and with which error: steps, items of fan-outs, compensations."""

from perdure.contract.error import ErrorInfo
from perdure.contract.state import StepStatus
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold, UnitFold


def step_error(step: StepFold) -> ErrorInfo | None:
    """The error a step shows: its own or, while items of it are parked, that of the first of these."""
    if step.status is StepStatus.DEAD_LETTERED and step.parked_items and not step.parked_whole:
        return step.items[min(step.parked_items)].error
    return step.error


def parked_compensations(state: FoldState) -> list[UnitFold]:
    """The compensations that wait for a decision."""
    found = []
    for id_ in state.undoing if state.undo_counts[StepStatus.DEAD_LETTERED] else ():
        step = state.steps[id_.step]
        owner: UnitFold = step if id_.index is None else step.items[id_.index]
        if owner.compensation is not None and owner.compensation.status is StepStatus.DEAD_LETTERED:
            found.append(owner.compensation)
    return found


def parked_error(state: FoldState) -> tuple[ErrorInfo | None, str | None]:
    """The error of what is parked first, and its step; nothing where nothing is."""
    if parked := state.parked:
        return step_error(parked[0]), parked[0].unit.step
    if compensations := parked_compensations(state):
        return compensations[0].error, compensations[0].unit.step
    return None, None
