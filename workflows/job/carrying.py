"""What a job hands over when it continues as new, and how the next run takes it up."""

from collections import deque
from typing import Any

from perdure.contract.error import ErrorInfo, error_info
from perdure.contract.execution import ITEM_LETTERS, FanOutState, JobState, StepState, UnitState
from perdure.contract.identifier import parse_unit_id
from perdure.contract.json_size import json_bytes
from perdure.contract.limit import MAX_CARRIED_ERRORS
from perdure.contract.state import StepStatus
from workflows.job.fan_out import item_values, refill
from workflows.job.state import JobRun
from workflows.job.unit import FanOut, StepRun, Unit

_FIELDS = tuple(UnitState.model_fields)
_STATUS_OF = {letter: status for status, letter in ITEM_LETTERS.items()}


def carry_step(step: StepRun, errors: dict[str, ErrorInfo]) -> StepState:
    """A step for the next run; the errors of its items go to `errors`."""
    return StepState(
        **{name: getattr(step, name) for name in _FIELDS},
        items=_carry_items(step.fan_out, errors) if step.fan_out else None,
        compensations={name: _carry_unit(unit) for name, unit in step.compensations.items()} or None,
        decisions=step.decisions or None,
    )


def _carry_unit(unit: Unit) -> UnitState:
    return UnitState(**{name: getattr(unit, name) for name in _FIELDS})


def _carry_items(fan_out: FanOut, errors: dict[str, ErrorInfo]) -> FanOutState:
    items = {str(item.id.index): item for item in fan_out.items}
    return FanOutState(
        status="".join(ITEM_LETTERS[item.status] for item in fan_out.items),
        outputs=[item.output for item in fan_out.items],
        rounds={index: item.round for index, item in items.items() if item.round > 1},
        generations={index: item.generation for index, item in items.items() if item.generation > 1},
        attempts={index: item.attempts for index, item in items.items() if item.attempts != 1},
        errors={index: _file(item.error, errors) for index, item in items.items() if item.error},
        wake_at={index: item.wake_at for index, item in items.items() if item.wake_at},
        patches={index: item.patch for index, item in items.items() if item.patch},
        decisions={index: item.decisions for index, item in items.items() if item.decisions},
        waits_for={index: item.waits_for for index, item in items.items() if item.waits_for},
    )


def _file(error: ErrorInfo, errors: dict[str, ErrorInfo]) -> str:
    key = error.fingerprint or error.code
    if key not in errors and len(errors) >= MAX_CARRIED_ERRORS:
        key, error = str(error.error_class), error_info(error.code, error.error_class, "see the journal")
    errors.setdefault(key, error)
    return key


def restore_steps(job: JobRun, carried: JobState) -> None:
    """Put the steps back to where the run before left them."""
    for step_id, state in carried.steps.items():
        step = job.steps.get(step_id)
        if step is not None:
            _restore_step(job, step, state)
    for step_id, state in carried.steps.items():
        # Only now: what `items` refers to has its outputs back.
        if state.items is not None and step_id in job.steps:
            _restore_items(job, job.steps[step_id], state.items, carried.errors)


def keep_outputs(job: JobRun, outputs: dict[str, Any]) -> bool:
    """Steps that a resubmission takes over are completed from the start; whether the job has room for all of them."""
    kept = True
    for step_id, output in outputs.items():
        step = job.steps.get(step_id)
        if step is not None:
            kept = job.keep(step, output) and kept
            step.status = StepStatus.COMPLETED
    return kept


def _restore_step(job: JobRun, step: StepRun, state: StepState) -> None:
    _restore_unit(job, step, state)
    step.decisions = state.decisions or []
    for name, undo in (state.compensations or {}).items():
        id_ = parse_unit_id(name)
        if id_ is not None and step.step.compensate is not None:
            unit = Unit(id_, step.step.compensate, step.step)
            _restore_unit(job, unit, undo)
            step.compensations[name] = unit


def _restore_unit(job: JobRun, unit: Unit, state: UnitState) -> None:
    job.keep(unit, state.output)
    for name in _FIELDS:
        if name != "output":
            setattr(unit, name, getattr(state, name))
    job.hold(json_bytes(unit.patch) if unit.patch else 0)


def _restore_items(job: JobRun, step: StepRun, state: FanOutState, errors: dict[str, ErrorInfo]) -> None:
    values = item_values(job, step)
    items = [step.item_unit(index, value) for index, value in enumerate(values)]
    for item, letter, output in zip(items, state.status, state.outputs, strict=True):
        index = str(item.id.index)
        item.status = _STATUS_OF[letter]
        job.keep(item, output)
        item.round = state.rounds.get(index, 1)
        item.generation = state.generations.get(index, 1)
        item.attempts = state.attempts.get(index, 1)
        item.error = errors.get(state.errors.get(index, ""))
        item.wake_at = state.wake_at.get(index)
        item.waits_for = state.waits_for.get(index)
        item.patch = state.patches.get(index)
        item.decisions = state.decisions.get(index, [])
        job.hold(json_bytes([item.patch, item.decisions]) if item.patch or item.decisions else 0)
    parked = sum(item.status is StepStatus.DEAD_LETTERED for item in items)
    step.fan_out = FanOut(items, deque(), parked=parked, left=sum(not item.status.final for item in items))
    for undo in step.compensations.values():
        undo.item = items[undo.id.index].item if undo.id.index is not None else None
    refill(step.fan_out)
