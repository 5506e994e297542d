"""`status_reason`: one short sentence that tells a person why a job is in its state; always there."""

from collections.abc import Sequence
from datetime import datetime

from perdure.contract.error import ErrorInfo
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.projection.fold.parked import parked_compensations, parked_error
from perdure.projection.fold.phrase import listed, named, one_unit, units
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold
from perdure.projection.fold.waiting import APPROVAL
from perdure.projection.record import WaitingFor

_NAMED = 3
"""Waits that a sentence tells one by one; of more it says how many."""


def status_reason(state: FoldState) -> str:
    """Why the job is in its state."""
    if state.closed is not None:
        return state.close_reason or _why_ended(state, state.closed)
    if state.problem is not None:
        return f"the workflow cannot go on and keeps trying: {state.problem}"
    if state.cancel is not None and state.started_at is not None:
        by = f" by {state.cancel.actor}" if state.cancel.actor else ""
        return f"cancel requested{by}; {_parked_why(state) or _compensating(state) or 'stopping what runs'}"
    if state.pause is not None:
        return _by("paused", state.pause.actor, state.pause.reason)
    if state.started_at is None:
        scheduled = state.scheduled and state.start_at
        return f"starts at {_moment(scheduled)}" if scheduled else f"waiting for a worker on queue {state.queue}"
    return _why_open(state)


def _parked_why(state: FoldState) -> str | None:
    parked = _parked(state)
    return f"{parked}: {tell(parked_error(state)[0])}" if parked else None


def _why_open(state: FoldState) -> str:
    if parked := _parked_why(state):
        return parked
    if compensating := _compensating(state):
        return compensating
    if running := state.in_status(StepStatus.RUNNING):
        return f"running {named(running)}"
    if waiting := state.in_status(StepStatus.WAITING):
        return _waiting(waiting)
    return "deciding what is next"


def _parked(state: FoldState) -> str | None:
    whole = [step for step in state.parked if step.parked_whole or not step.fans_out]
    parts = [named(whole)] if whole else []
    by_items = [step for step in state.parked if step not in whole]
    parts += [f"{len(step.parked_items)} of {units(step)}" for step in by_items]
    undo = parked_compensations(state)
    parts += [f"the compensation of {one_unit(undo[0].unit)}"] if len(undo) == 1 else []
    parts += [f"{len(undo)} compensations"] if len(undo) > 1 else []
    several = len(whole) + sum(len(step.parked_items) for step in by_items) + len(undo) > 1
    return f"{listed(parts)} {'are' if several else 'is'} parked" if parts else None


def _compensating(state: FoldState) -> str | None:
    open_ = list(state.undoing)
    if not open_ or state.undo_counts[StepStatus.DEAD_LETTERED] == len(open_):
        return None
    more = f" and {len(open_) - 1} more" if len(open_) > 1 else ""
    return f"compensating {one_unit(open_[0])}{more}"


def _waiting(steps: Sequence[StepFold]) -> str:
    asleep = [step for step in steps if step.waiting_for is None]
    told = [_for_whom(step, step.waiting_for) for step in steps if step.waiting_for is not None]
    if len(told) > _NAMED:
        told = [*told[:_NAMED], f"{len(told) - _NAMED} more steps wait for somebody"]
    if asleep:
        until = min((step.wake_at for step in asleep if step.wake_at), default=None)
        when = f" until {_moment(until)}" if until else ""
        told.append(f"{named(asleep)} {'waits' if len(asleep) == 1 else 'wait'}{when}")
    return "; ".join(told)


def _for_whom(step: StepFold, wait: WaitingFor) -> str:
    until = f" until {_moment(wait.expires_at)}" if wait.expires_at else ""
    if wait.kind == APPROVAL:
        so_far = f" ({wait.approvals or 0} of {wait.required_approvals or 1})"
        return f"waiting for approval of step {step.unit.step}{so_far}{until}"
    what = f'"{wait.name}"' if wait.name else "a delivery"
    return f"step {step.unit.step} waits for {what}{until}"


def _why_ended(state: FoldState, status: JobStatus) -> str:
    if status is JobStatus.COMPLETED:
        return _completed(state)
    if status is JobStatus.COMPLETED_WITH_ERRORS:
        return f"{_completed(state)}; {_failed(state)}"
    if state.resolution is Resolution.EXPIRED:
        why = f"nobody decided before the dead letter expired: {_failed(state)}"
    elif state.resolution is Resolution.DISMISSED:
        why = f"the dead letter was discarded: {_failed(state)}"
    else:
        why = _failed(state)
    return f"{why}{_undone(state)}"


def _undone(state: FoldState) -> str:
    done = [step for step in state.steps.values() if step.status is StepStatus.COMPENSATED]
    failed = state.undo_counts[StepStatus.FAILED]
    parts = [f"{named(done)} {'was' if len(done) == 1 else 'were'} compensated"] if done else []
    parts += [f"{failed} {'compensation' if failed == 1 else 'compensations'} failed"] if failed else []
    return f" ({', '.join(parts)})" if parts else ""


def _failed(state: FoldState) -> str:
    told = tell(state.error)
    return f"step {state.error_step} failed: {told}" if state.error_step else told


def _completed(state: FoldState) -> str:
    statuses = [step.status for step in state.steps.values()]
    done = statuses.count(StepStatus.COMPLETED)
    if done == len(statuses):
        return "its one step completed" if done == 1 else f"all {done} steps completed"
    skipped, failed = statuses.count(StepStatus.SKIPPED), statuses.count(StepStatus.FAILED)
    others = [f"{number} {what}" for number, what in ((skipped, "skipped"), (failed, "failed")) if number]
    return ", ".join([f"{done} of {len(statuses)} steps completed", *others])


def tell(error: ErrorInfo | None) -> str:
    """An error in a sentence."""
    return f"{error.code}: {error.message}" if error else "no reason is known"


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _by(what: str, actor: str | None, reason: str | None) -> str:
    said = f"{what} by {actor}" if actor else what
    return f"{said}: {reason}" if reason else said
