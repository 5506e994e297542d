"""What a skip supplies as a step's output has to be what the step would have let through."""

from typing import Any

from perdure.contract.command import SkipCommand
from perdure.expressions import payload_problem
from workflows.job.command import RefusedError
from workflows.job.execution import Execution
from workflows.job.parked import parked_units
from workflows.job.unit import Unit


def check_skip(execution: Execution, command: SkipCommand) -> None:
    """Refuse an output that does not meet the JSON Schema of a `WAIT` that is skipped.

    Raises:
        RefusedError: API.PAYLOAD_INVALID, or what `parked_units` raises.
    """
    for unit in parked_units(execution, [command.step] if command.step else None, "step"):
        schema = _schema(execution, unit)
        problem = None if schema is None else payload_problem(schema, command.output)
        if problem is not None:
            text = f"the output does not meet the schema of step {unit.name}: {problem}"
            raise RefusedError("API.PAYLOAD_INVALID", text)


def _schema(execution: Execution, unit: Unit) -> Any:
    if unit.operation.type != "WAIT":
        return None
    patches = {**(execution.job.steps[unit.id.step].patch or {}), **(unit.patch or {})}
    return {**unit.operation.params, **patches}.get("schema")
