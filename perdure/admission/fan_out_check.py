"""`for_each`: what it runs over, and how many items that makes as far as they are written out; used by `admission`."""

from collections.abc import Iterator

from perdure.admission.json_path import render
from perdure.admission.outline import Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.expressions import is_one_expression


def fan_out_problems(spec: Outline, limit: int) -> Iterator[Problem]:
    """Fan-outs of a job, and of all jobs within it, that are over no list or make too many items."""
    yield from _problems(spec, limit, 1)


def _problems(spec: Outline, limit: int, times: int) -> Iterator[Problem]:
    """`times`: how often this job itself runs, as often as the fan-outs around it say."""
    together = 0
    for step in spec.steps:
        yield from _text_problem(step)
        count = 1 if step.items is None else len(step.items)
        before, together = together, together + (0 if step.items is None else count)
        message = _too_many(step, together, times * count, limit) if before <= limit else None
        if message is not None:
            yield Problem(render((*step.path, "for_each", "items")), "API.SPEC.LIMIT", message)
        elif step.job is not None:
            yield from _problems(step.job, limit, times * count)
    for dependent in spec.dependents:
        if dependent.job is not None:
            yield from _problems(dependent.job, limit, times)


def _too_many(step: StepOutline, together: int, product: int, limit: int) -> str | None:
    if step.items is None:
        return None
    if together > limit:
        return f"the fan-outs of a job have at most {limit} items together; up to here there are {together}"
    if product > limit:
        return f"with the fan-outs around it this makes {product} items; at most {limit} are allowed: split the job"
    return None


def _text_problem(step: StepOutline) -> Iterator[Problem]:
    each = step.fields.get("for_each")
    items = each.get("items") if isinstance(each, dict) else None
    if isinstance(items, str) and not is_one_expression(items):
        message = "must be a list, or one ${ expression } that gives one; this is text"
        yield Problem(render((*step.path, "for_each", "items")), "API.SPEC.EXPRESSION", message)
