"""`retry`: parked units again, all or named ones, or a step and everything after it, perhaps patched."""

from collections.abc import Callable
from functools import partial
from typing import Any

from perdure.contract.command import RetryCommand
from perdure.contract.effect import effect_unknown
from perdure.contract.journal import JournalType
from perdure.contract.json_size import json_bytes
from perdure.contract.state import Effect, StepStatus
from perdure.contract.wording import listed, meant
from workflows.job.command import RefusedError, place
from workflows.job.execution import Execution
from workflows.job.parked import parked_units
from workflows.job.state import is_open
from workflows.job.unit import StepRun, Unit

_FORCE = "true, with a reason, where it may run again; else skip it, or leave it out of `steps`"


def plan_retry(execution: Execution, command: RetryCommand, via: str) -> tuple[Callable[[], None], list[str]]:
    """The act, and the names of the units it concerns. Raises RefusedError."""
    if command.from_step is not None:
        if command.steps is not None:
            mend = "leave out this one, or from_step"
            raise RefusedError("API.VALIDATION", "give either steps or from_step", place("steps", mend=mend))
        steps = _steps_from(execution, command.from_step)
        _check_effect(command, [unit for step in steps for unit in _parked_in(execution, step)])
        _check_patch(execution, command, [*steps])
        return partial(_again_from, execution, command, steps, via), [step.name for step in steps]
    units = parked_units(execution, command.steps)
    if command.steps is None and not command.force:
        units = [unit for unit in units if not _in_doubt(unit)] or units
    _check_effect(command, units)
    _check_patch(execution, command, units)
    return partial(_again, execution, command, units, via), [unit.name for unit in units]


def _steps_from(execution: Execution, step_id: str) -> list[StepRun]:
    if execution.ending is not None:
        raise RefusedError("API.JOB_CLOSED", "the job is ending: only its parked compensation can be retried")
    if step_id not in execution.job.steps:
        text, known = f"the job has no step {step_id[:100]!r}", execution.job.steps
        mend = f"{text}{meant(step_id, known)}. The steps are {listed(known)}"
        raise RefusedError("API.STEP_UNKNOWN", text, place("from_step", mend=mend))
    steps = execution.scheduler.plan.from_(step_id)
    busy = [step.name for step in steps if _is_busy(step)]
    if busy:
        text = f"these steps would begin again and are still open: {', '.join(busy)}"
        mend = f"wait until these have ended, or begin after them: {listed(busy)}"
        raise RefusedError("API.STEP_RUNNING", text, place("from_step", mend=mend))
    return steps


def _is_busy(step: StepRun) -> bool:
    items = step.fan_out.items if step.fan_out else [step]
    return any(is_open(unit) or (unit is not step and unit.status is StepStatus.PENDING) for unit in items)


def _parked_in(execution: Execution, step: StepRun) -> list[Unit]:
    return [unit for unit in execution.parking.parked if unit.id.step == step.name]


def _in_doubt(unit: Unit) -> bool:
    return unit.step.effect is Effect.AT_MOST_ONCE and unit.error is not None and effect_unknown(unit.error)


def _check_effect(command: RetryCommand, units: list[Unit]) -> None:
    doubtful = [unit.name for unit in units if _in_doubt(unit)]
    if doubtful and not (command.force and command.reason):
        text = f"may have taken effect, and must not run twice: {', '.join(doubtful[:10])}; give `force` and a reason"
        lacks = "reason" if command.force else "force"
        mend = "say who found out that it may run again, and how" if command.force else _FORCE
        raise RefusedError("API.FORCE_REQUIRED", text, place(lacks, mend=mend))


def _check_patch(execution: Execution, command: RetryCommand, units: list[Unit]) -> None:
    patch = command.patch or {}
    names = {name for unit in units for name in (unit.name, unit.id.step)}
    foreign = sorted(patch.keys() - names)
    if foreign:
        text = f"patch names steps that are not retried: {', '.join(foreign[:10])}"
        mend = f"it does not run again, so it cannot be patched. What does: {listed(sorted(names))}"
        raise RefusedError("API.VALIDATION", text, *(place("patch", name, mend=mend) for name in foreign[:10]))
    size, limit = json_bytes(patch), execution.job.limits.output_bytes
    if size > limit:
        text = f"the patch is {size} bytes; the limit is {limit}"
        raise RefusedError("API.VALIDATION", text, place("patch", mend=text))
    job = execution.job
    if not job.room_for(sum(json_bytes(_fields(command, unit)) for unit in units) - job.held_by(units)):
        limit = job.limits.state_bytes
        text = f"with this patch the job would hold more than {limit} bytes"
        raise RefusedError("API.VALIDATION", text, place("patch", mend=f"{text}: patch less"))


def _fields(command: RetryCommand, unit: Unit) -> dict[str, Any] | None:
    patch = command.patch or {}
    return patch.get(unit.name) or patch.get(unit.id.step)


def _patch(execution: Execution, command: RetryCommand, units: list[Unit]) -> list[str]:
    """Put the patch on the units; what is asked of partners is a new thing then, so their generation counts up."""
    for unit in units:
        fields = _fields(command, unit)
        if fields is not None:
            unit.patch = {**(unit.patch or {}), **fields}
            unit.generation += 1
            execution.job.hold(json_bytes(fields))
    return sorted(command.patch or {})


def _again(execution: Execution, command: RetryCommand, units: list[Unit], via: str) -> None:
    patched = _patch(execution, command, units)
    execution.scheduler.retry(units)
    _note(execution, command, units, via, patched)
    execution.parking.end()


def _again_from(execution: Execution, command: RetryCommand, steps: list[StepRun], via: str) -> None:
    begun = [step for step in steps if step.status is not StepStatus.PENDING]
    execution.scheduler.reset(begun)
    patched = _patch(execution, command, [*steps])
    extra: dict[str, Any] = {"from_step": command.from_step, "reset": [step.name for step in begun]}
    _note(execution, command, [*begun], via, patched, **extra)
    execution.parking.end()


def _note(
    execution: Execution, command: RetryCommand, units: list[Unit], via: str, patched: list[str], **extra: Any
) -> None:
    if patched:
        extra["patched"] = patched
    if command.force:
        extra["force"] = True
    execution.job.notes.add(
        JournalType.JOB_RETRY_REQUESTED,
        actor=command.actor,
        reason=command.reason,
        steps=[unit.name for unit in units],
        rounds={unit.name: unit.round for unit in units},
        via=via,
        **extra,
    )
