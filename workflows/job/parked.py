"""Finds the parked units that a decision names."""

from perdure.contract.identifier import parse_unit_id
from perdure.contract.state import StepStatus
from workflows.job.command import RefusedError
from workflows.job.execution import Execution
from workflows.job.unit import Unit


def parked_units(execution: Execution, names: list[str] | None) -> list[Unit]:
    """The parked units of these names, all of them where none is named; in listed order.

    The id of a fan-out means its parked items. Raises RefusedError for what is not parked.
    """
    if not names:
        return execution.parking.parked
    found = {unit: None for name in dict.fromkeys(names) for unit in _named(execution, name)}
    return sorted(found, key=execution.job.order)


def _named(execution: Execution, name: str) -> list[Unit]:
    unit = execution.job.unit(name)
    if unit is None:
        raise RefusedError("API.STEP_UNKNOWN", f"the job has no step {name[:100]!r}{_hint(execution, name)}")
    step = execution.job.steps[unit.id.step]
    if unit is step and step.fan_out is not None:
        items = [parked for parked in step.fan_out.items if parked.status is StepStatus.DEAD_LETTERED]
        if items:
            return list(items)
    if unit.status is not StepStatus.DEAD_LETTERED:
        raise RefusedError("API.JOB_NOT_PARKED", f"step {name} is not parked; it is {unit.status}")
    return [unit]


def _hint(execution: Execution, name: str) -> str:
    id_ = parse_unit_id(name)
    step = execution.job.steps.get(id_.step) if id_ else None
    if step is None or step.fan_out is None:
        return ""
    return f"; {step.name} has {len(step.fan_out.items)} items, from {step.name}.0"
