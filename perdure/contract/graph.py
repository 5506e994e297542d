"""Which step waits for which (contract section 1, `depends_on`); the same answer for admission and workflow."""

from collections import deque
from collections.abc import Mapping, Sequence

from perdure.contract.spec import StepSpec


def dependencies(steps: Sequence[StepSpec]) -> dict[str, list[str]]:
    """For each step, in listed order, the steps it waits for.

    Where no step has `depends_on`, each waits for the one listed before it. Where any has it, a step
    without one starts at once. Ids are as written: unknown ones and cycles are the caller's to find.
    """
    if all(step.depends_on is None for step in steps):
        before = [[], *([step.id] for step in steps)]
        return {step.id: waits for step, waits in zip(steps, before, strict=False)}
    return {step.id: list(dict.fromkeys(step.depends_on or [])) for step in steps}


def dependents(waits_for: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The reverse of `dependencies`: for each step, the steps that wait for it."""
    reverse: dict[str, list[str]] = {step: [] for step in waits_for}
    for step, waits in waits_for.items():
        for other in waits:
            reverse[other].append(step)
    return reverse


def unreachable(waits_for: Mapping[str, Sequence[str]]) -> list[str]:
    """Steps that can never start because they are on a cycle or behind one; empty for a DAG."""
    waiting = {step: len(waits) for step, waits in waits_for.items()}
    after = dependents(waits_for)
    free = deque(step for step, count in waiting.items() if count == 0)
    while free:
        step = free.popleft()
        del waiting[step]
        for other in after[step]:
            waiting[other] -= 1
            if waiting[other] == 0:
                free.append(other)
    return list(waiting)
