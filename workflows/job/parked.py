"""Finds the parked units that a decision names."""

from perdure.contract.identifier import parse_unit_id
from perdure.contract.state import StepStatus
from perdure.contract.wording import listed, meant
from workflows.job.command import RefusedError, place
from workflows.job.execution import Execution
from workflows.job.unit import Unit


def parked_units(execution: Execution, names: list[str] | None, field: str = "steps") -> list[Unit]:
    """The parked units of these names, all of them where none is named; in listed order.

    The id of a fan-out means its parked items. Raises RefusedError for what is not parked; `field` of the command names
    it.
    """
    if not names:
        return execution.parking.parked
    places = [(field,) if field == "step" else (field, number) for number in range(len(names))]
    found = {unit: None for name, at in zip(names, places, strict=True) for unit in _named(execution, name, at)}
    return sorted(found, key=execution.job.order)


def _named(execution: Execution, name: str, at: tuple[str | int, ...]) -> list[Unit]:
    unit = execution.job.unit(name)
    if unit is None:
        text = f"the job has no step {name[:100]!r}{_hint(execution, name)}"
        mend = f"{text}{meant(name, execution.job.steps)}{_parked(execution)}"
        raise RefusedError("API.STEP_UNKNOWN", text, place(*at, mend=mend))
    step = execution.job.steps[unit.id.step]
    if unit is step and step.fan_out is not None:
        items = [parked for parked in step.fan_out.items if parked.status is StepStatus.DEAD_LETTERED]
        if items:
            return list(items)
    if unit.status is not StepStatus.DEAD_LETTERED:
        text = f"step {name} is not parked; it is {unit.status}"
        raise RefusedError("API.JOB_NOT_PARKED", text, place(*at, mend=f"{text}{_parked(execution)}"))
    return [unit]


def _parked(execution: Execution) -> str:
    return f"; what is parked: {listed(unit.name for unit in execution.parking.parked)}"


def _hint(execution: Execution, name: str) -> str:
    id_ = parse_unit_id(name)
    step = execution.job.steps.get(id_.step) if id_ else None
    if step is None or step.fan_out is None:
        return ""
    return f"; {step.name} has {len(step.fan_out.items)} items, from {step.name}.0"
