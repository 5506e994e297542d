"""What a run that continues another takes over from it."""

from perdure.contract.error import ErrorInfo
from perdure.contract.execution import ITEM_LETTERS, FanOutState, JobState, PauseState, StepState, UnitState
from perdure.contract.identifier import parse_unit_id
from perdure.contract.state import StepStatus
from perdure.projection.fold import reading
from perdure.projection.fold.change import count, move, take_over_item, unit_of
from perdure.projection.fold.state import FoldState, Request
from perdure.projection.fold.unit import StepFold, UnitFold
from perdure.projection.fold.waiting import take_over_wait

_BY_LETTER = {letter: status for status, letter in ITEM_LETTERS.items()}


def take_over(state: FoldState, carried: JobState) -> None:
    """Go on from where the run before left the job."""
    state.created_at = reading.moment(carried.submitted_at) or state.created_at
    state.started_at = reading.moment(carried.started_at)
    state.note_count = carried.notes
    by = carried.paused_by or PauseState()
    state.pause = Request(by.actor, by.reason) if carried.paused else None
    if carried.ending is not None and (canceled_by := carried.ending.canceled_by) is not None:
        state.cancel = Request(canceled_by.actor, canceled_by.reason)
    for step_id, was in carried.steps.items():
        step = state.step(step_id)
        if was.items is not None:
            _take_over_items(state, step, was.items, carried.errors)
        _take_over_step(state, step, was)
    state.changed.clear()
    state.touched.clear()


def _take_over_step(state: FoldState, step: StepFold, was: StepState) -> None:
    _take_over_unit(state, step, was)
    take_over_wait(step, step, was.decisions, was.waits_for)
    if step.fans_out and step.status.final:
        step.output = step.collected()
    for text, undo in (was.compensations or {}).items():
        id_ = parse_unit_id(text)
        if id_ is not None and id_.compensates and id_.step == step.unit.step:
            compensation = unit_of(state, id_)
            _take_over_unit(state, compensation, undo)
            count(state, compensation, compensation.attempt_count, compensation.retry_count)


def _take_over_unit(state: FoldState, unit: UnitFold, was: UnitState) -> None:
    move(state, unit, was.status)
    unit.round = was.round
    unit.output = was.output
    pending = was.status is StepStatus.PENDING
    unit.error = None if pending else was.error
    unit.started_at = reading.moment(was.started_at)
    unit.completed_at = reading.moment(was.completed_at)
    unit.wake_at = reading.moment(was.wake_at)
    unit.carried_attempts = was.attempts
    unit.carried_retries = max(0, was.attempts - (was.round - 1 if pending else was.round))


def _take_over_items(state: FoldState, step: StepFold, was: FanOutState, errors: dict[str, ErrorInfo]) -> None:
    """Items of which nothing was heard yet are left out. Times are not carried: the rows of earlier runs have them."""
    step.total = len(was.status)
    for index, letter in enumerate(was.status):
        key = str(index)
        status = _BY_LETTER.get(letter, StepStatus.PENDING)
        attempts = was.attempts.get(key, 1)
        if status is StepStatus.PENDING and not attempts:
            continue
        item = take_over_item(step, index, status)
        item.round = was.rounds.get(key, 1)
        item.output = was.outputs[index] if index < len(was.outputs) else None
        item.error = errors.get(was.errors.get(key, ""))
        item.wake_at = reading.moment(was.wake_at.get(key))
        item.carried_attempts = attempts
        item.carried_retries = max(0, attempts - item.round)
        count(state, item, attempts, item.carried_retries)
        take_over_wait(step, item, was.decisions.get(key), was.waits_for.get(key))
