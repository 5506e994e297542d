"""How steps, items and compensations are named in a sentence; used by `reason`."""

from collections.abc import Sequence

from perdure.contract.identifier import UnitId
from perdure.contract.state import FINAL_STEP_STATUSES, StepStatus
from perdure.projection.fold.unit import StepFold

_NAMED = 3
"""Steps that a sentence names; of more it says how many."""


def named(steps: Sequence[StepFold]) -> str:
    """`step a`, `steps a, b, c and 2 more`; a single fan-out with how far it is."""
    if len(steps) == 1:
        return f"step {steps[0].unit.step}{_progress(steps[0])}"
    names = ", ".join(step.unit.step for step in steps[:_NAMED])
    more = f" and {len(steps) - _NAMED} more" if len(steps) > _NAMED else ""
    return f"steps {names}{more}"


def units(step: StepFold) -> str:
    """`100 items of step load`."""
    return f"{step.total} {'item' if step.total == 1 else 'items'} of step {step.unit.step}"


def one_unit(unit: UnitId) -> str:
    """`step pay`, `item 7 of step load`: also of a compensation, what it undoes."""
    return f"step {unit.step}" if unit.index is None else f"item {unit.index} of step {unit.step}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _progress(step: StepFold) -> str:
    if not step.fans_out or step.status is not StepStatus.RUNNING:
        return ""
    done = sum(number for status, number in step.item_counts.items() if status in FINAL_STEP_STATUSES)
    waiting = step.item_counts[StepStatus.WAITING]
    return f" ({done} of {step.total} items done{f', {waiting} waiting' if waiting else ''})"
