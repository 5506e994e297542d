"""Patches of a retry, checked against the job's own spec before anything is sent; called by `decision`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perdure.admission.admission import admit
from perdure.admission.json_path import render
from perdure.admission.problem import AdmissionError, Problem
from perdure.contract.command import RetryCommand
from perdure.contract.execution import JobStart, UnitState
from perdure.contract.identifier import UnitId, parse_unit_id
from perdure.contract.json_size import json_bytes
from perdure.contract.state import JobStatus, StepStatus
from perdure.contract.wording import listed, meant, quoted
from perdure.projection.record import JobRecord


@dataclass(frozen=True, slots=True)
class _Target:
    """What a part of the patch is about: where it stands in the patch, and the operation in the spec's document."""

    key: str
    place: str
    operation: dict[str, Any]
    before: Mapping[str, Any]


def check_patch(start: JobStart, job: JobRecord, command: RetryCommand) -> None:
    """Accept the patch of a command, or refuse it with every problem in it.

    Args:
        start: what the job runs with; earlier patches count where it is that of a later run.
        job: how the job stands: the id of a step that is not parked itself means its parked compensation.
        command: the retry.

    Raises:
        AdmissionError: API.VALIDATION with the places in the patch.
    """
    patch = command.patch or {}
    document = start.spec.model_dump(mode="json", by_alias=True)
    again = _running_again(job, command, document)
    foreign = {problem.path: problem for problem in _foreign(patch, document, again)}
    own = [key for key in patch if render(("patch", key)) not in foreign]
    targets = [_target(start, job, command, document, key) for key in own]
    problems = [*foreign.values(), *_too_large(start, patch), *_wrong(start, document, patch, targets)]
    if problems:
        raise AdmissionError("API.VALIDATION", problems)


def _running_again(job: JobRecord, command: RetryCommand, document: dict[str, Any]) -> set[str] | None:
    """The steps of which something may run again: also by what undoes them.

    None: whatever comes after `from_step`; and where nothing is parked, which the workflow says, with the job's state.
    """
    if command.steps is not None:
        return {_unit(text).step for text in command.steps}
    if command.from_step is not None:
        return None
    parked = {step.id for step in job.steps if step.status is StepStatus.DEAD_LETTERED}
    if not parked and job.status not in (JobStatus.DEAD_LETTERED, JobStatus.PAUSED):
        return None
    return parked | {step["id"] for step in document["steps"] if step["compensate"] is not None}


def _foreign(patch: Mapping[str, Any], document: dict[str, Any], again: set[str] | None) -> Iterator[Problem]:
    known = {step["id"]: step for step in document["steps"]}
    for key in patch:
        unit = _unit(key)
        if unit.step not in known:
            message = f"there is no step {quoted(unit.step)}{meant(unit.step, known)}. The steps are {listed(known)}"
            yield Problem(render(("patch", key)), "API.SPEC.STEP_UNKNOWN", message)
        elif unit.compensates and known[unit.step]["compensate"] is None:
            message = f"step {quoted(unit.step)} has no compensation"
            yield Problem(render(("patch", key)), "API.SPEC.STEP_UNKNOWN", message)
        elif again is not None and unit.step not in again:
            message = f"{quoted(unit.step)} does not run again, so it cannot be patched. What may: {listed(again)}"
            yield Problem(render(("patch", key)), "API.FIELD.VALUE", message)


def _too_large(start: JobStart, patch: Mapping[str, Any]) -> Iterator[Problem]:
    size, limit = json_bytes(dict(patch)), start.limits.output_bytes
    if size > limit:
        yield Problem(render(("patch",)), "API.SPEC.LIMIT", f"it has {size} bytes; at most {limit} are allowed")


def _target(start: JobStart, job: JobRecord, command: RetryCommand, document: dict[str, Any], key: str) -> _Target:
    unit = _unit(key)
    place = next(index for index, step in enumerate(document["steps"]) if step["id"] == unit.step)
    step, state = document["steps"][place], start.carried.steps.get(unit.step) if start.carried else None
    if unit.compensates or (step["compensate"] is not None and not _runs_itself(job, command, unit)):
        undone: UnitState | None = ((state and state.compensations) or {}).get(str(unit._replace(compensates=True)))
        path = render(("steps", place, "compensate", "with"))
        return _Target(key, path, step["compensate"], (undone and undone.patch) or {})
    return _Target(key, render(("steps", place, "with")), step, (state and state.patch) or {})


def _runs_itself(job: JobRecord, command: RetryCommand, unit: UnitId) -> bool:
    """Whether the step itself runs again, and not its compensation."""
    parked = any(step.id == unit.step and step.status is StepStatus.DEAD_LETTERED for step in job.steps)
    return parked or command.from_step is not None


def _wrong(
    start: JobStart, document: dict[str, Any], patch: Mapping[str, Mapping[str, Any]], targets: list[_Target]
) -> list[Problem]:
    """What admission says of the patched parts; what it says of the rest, it once let pass."""
    for target in targets:
        target.operation["with"] = {**target.operation["with"], **target.before, **patch[target.key]}
    try:
        admit(document, start.limits, again=True)
    except AdmissionError as error:
        told = [(target, problem) for problem in error.problems for target in targets]
        return [_moved(problem, target) for target, problem in told if _is_within(problem.path, target.place)]
    return []


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _moved(problem: Problem, target: _Target) -> Problem:
    return Problem(render(("patch", target.key)) + problem.path[len(target.place) :], problem.code, problem.message)


def _unit(text: str) -> UnitId:
    return parse_unit_id(text) or UnitId(text)
