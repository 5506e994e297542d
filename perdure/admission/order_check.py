"""Ids and dependencies: repeated, unknown, on the step itself, in a circle; used by `admission`."""

from collections.abc import Iterator

from perdure.admission.json_path import render
from perdure.admission.outline import Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.admission.step_order import StepOrder
from perdure.contract.wording import listed, meant, quoted

_CIRCLE_SHOWN = 12


def order_problems(spec: Outline, order: StepOrder) -> Iterator[Problem]:
    """Everything wrong with the ids and the dependencies."""
    yield from _repeated(spec)
    known = tuple(order.waits_for)
    for step in spec.steps:
        yield from _dependency_problems(step, known)
    positions = {step.id: step.path for step in reversed(spec.steps)}
    for circle in order.circles():
        path = render((*positions[circle[0]], "depends_on"))
        message = f"these steps wait for each other in a circle: {_shown(circle)}; take one dependency out"
        yield Problem(path, "API.SPEC.CYCLE", message)


def _repeated(spec: Outline) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for step in spec.steps:
        if step.id is None:
            continue
        if step.id in first:
            message = f"the id {quoted(step.id)} is that of steps[{first[step.id]}] already: ids are unique"
            yield Problem(render((*step.path, "id")), "API.SPEC.STEP_REPEATED", message)
        first.setdefault(step.id, step.position)


def _dependency_problems(step: StepOutline, known: tuple[str, ...]) -> Iterator[Problem]:
    for place, id_ in step.depends_on or ():
        path = render((*step.path, "depends_on", place))
        if id_ == step.id:
            message = f"step {quoted(id_)} cannot wait for itself: take it out of its depends_on"
            yield Problem(path, "API.SPEC.STEP_SELF_DEPENDENCY", message)
        elif id_ not in known:
            message = f"there is no step {quoted(id_)}{meant(id_, known)}. The steps are {listed(known)}"
            yield Problem(path, "API.SPEC.STEP_UNKNOWN", message)


def _shown(circle: list[str]) -> str:
    half = _CIRCLE_SHOWN // 2
    ids = circle if len(circle) <= _CIRCLE_SHOWN else [*circle[:half], "…", *circle[-half:]]
    return " -> ".join([*ids, circle[0]])
