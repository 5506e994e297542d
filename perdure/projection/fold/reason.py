"""`status_reason`: one short sentence that tells a person why a job is in its state; always there."""

from collections.abc import Iterable, Sequence

from perdure.contract.error import ErrorInfo
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.projection.fold.state import FoldState, StepFold

_NAMED = 3
"""Steps that a sentence names; of more it says how many."""


def status_reason(state: FoldState) -> str:
    """Why the job is in its state."""
    if state.closed is not None:
        return state.close_reason or _why_ended(state, state.closed)
    if state.problem is not None:
        return f"the workflow cannot go on and keeps trying: {state.problem}"
    if state.started_at is None:
        return f"waiting for a worker on queue {state.queue}"
    if state.cancel is not None:
        by = f" by {state.cancel.actor}" if state.cancel.actor else ""
        return f"cancel requested{by}; stopping what runs"
    return _why_open(state)


def _why_open(state: FoldState) -> str:
    if parked := state.parked:
        verb = "is" if len(parked) == 1 else "are"
        return f"{_name(parked)} {verb} parked: {_tell(parked[0].error)}"
    if running := state.in_status(StepStatus.RUNNING):
        return f"running {_name(running)}"
    if waiting := state.in_status(StepStatus.WAITING):
        until = min((step.wake_at for step in waiting if step.wake_at), default=None)
        when = f" until {until.isoformat(timespec='seconds').replace('+00:00', 'Z')}" if until else ""
        return f"{_name(waiting)} {'waits' if len(waiting) == 1 else 'wait'}{when}"
    return "deciding what is next"


def _why_ended(state: FoldState, status: JobStatus) -> str:
    if status is JobStatus.COMPLETED:
        return _completed(state.steps.values())
    if state.resolution is Resolution.EXPIRED:
        return f"nobody decided before the dead letter expired: {_failed(state)}"
    if state.resolution is Resolution.DISMISSED:
        return f"the dead letter was discarded: {_failed(state)}"
    return _failed(state)


def _failed(state: FoldState) -> str:
    told = _tell(state.error)
    return f"step {state.error_step} failed: {told}" if state.error_step else told


def _completed(steps: Iterable[StepFold]) -> str:
    statuses = [step.status for step in steps]
    done = statuses.count(StepStatus.COMPLETED)
    if done == len(statuses):
        return "its one step completed" if done == 1 else f"all {done} steps completed"
    skipped = statuses.count(StepStatus.SKIPPED)
    return f"{done} of {len(statuses)} steps completed, {skipped} skipped"


def _name(steps: Sequence[StepFold]) -> str:
    names = ", ".join(step.id for step in steps[:_NAMED])
    more = f" and {len(steps) - _NAMED} more" if len(steps) > _NAMED else ""
    return f"step {names}" if len(steps) == 1 else f"steps {names}{more}"


def _tell(error: ErrorInfo | None) -> str:
    return f"{error.code}: {error.message}" if error else "no reason is known"
