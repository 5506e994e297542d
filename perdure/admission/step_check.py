"""Types and parameters of the steps against the catalogue; used by `admission`."""

from collections.abc import Iterator

from perdure.admission.json_path import render
from perdure.admission.outline import Outline, StepOutline
from perdure.admission.problem import Problem
from perdure.admission.wording import listed, meant, quoted
from perdure.steps.catalogue import CATALOGUE, check_params


def step_problems(spec: Outline) -> Iterator[Problem]:
    """Unknown step types, and parameters that the step type does not take."""
    for step in spec.steps:
        if step.type is None:
            continue
        if step.type in CATALOGUE:
            yield from _parameter_problems(step, step.type)
        else:
            path = render((*step.path, "type"))
            message = f"unknown step type {quoted(step.type)}{meant(step.type, CATALOGUE)}. The types are "
            yield Problem(path, "API.SPEC.STEP_TYPE_UNKNOWN", message + listed(CATALOGUE))


def _parameter_problems(step: StepOutline, type_: str) -> Iterator[Problem]:
    params = step.fields.get("with", {})
    if not isinstance(params, dict):
        return
    for path, message in check_params(type_, params):
        yield Problem(render((*step.path, "with", *path)), "API.SPEC.PARAMETER", message)
