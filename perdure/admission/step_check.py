"""Types and parameters of the steps and their compensations against the catalogue; used by `admission`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from perdure.admission.json_path import Path, render
from perdure.admission.outline import OperationOutline, Outline
from perdure.admission.problem import Problem
from perdure.contract.wording import listed, meant, quoted
from perdure.expressions import schema_problem
from perdure.security.role import Role
from perdure.steps.catalogue import CATALOGUE, check_params

_PARAMETER, _TYPE_UNKNOWN = "API.SPEC.PARAMETER", "API.SPEC.STEP_TYPE_UNKNOWN"
_Found = Iterator[tuple[Path, str]]


def step_problems(spec: Outline, *, schemas: bool) -> Iterator[Problem]:
    """Unknown step types, and parameters that the step type does not take; `schemas`: JSON Schemas too."""
    for step in spec.steps:
        yield from _operation_problems(step)
        if schemas and step.type == "WAIT":
            yield from _schema_problems(step)
        if step.compensate is not None:
            yield from _compensation_problems(step.compensate)


def _operation_problems(operation: OperationOutline) -> Iterator[Problem]:
    if operation.type is None:
        return
    if operation.type in CATALOGUE:
        yield from _parameter_problems(operation, operation.type)
    else:
        message = f"unknown step type {quoted(operation.type)}{meant(operation.type, CATALOGUE)}. The types are "
        yield Problem(render((*operation.path, "type")), _TYPE_UNKNOWN, message + listed(CATALOGUE))


def _compensation_problems(undo: OperationOutline) -> Iterator[Problem]:
    type_ = CATALOGUE.get(undo.type or "")
    if type_ is None or type_.needs_activity:
        yield from _operation_problems(undo)
        return
    able = listed(name for name, known in CATALOGUE.items() if known.needs_activity)
    message = f"a compensation does something at once, which {type_.name} does not. The types are {able}"
    yield Problem(render((*undo.path, "type")), _PARAMETER, message)


def _parameter_problems(operation: OperationOutline, type_: str) -> Iterator[Problem]:
    if not isinstance(operation.fields.get("with", {}), dict):
        return
    own, own_problems = _OWN.get(type_, (None, _none))
    for path, message in check_params(type_, operation.params):
        # What is below such a field is told better by itself.
        if path[:1] != (own,) or own not in operation.params:
            yield Problem(render((*operation.path, "with", *path)), _PARAMETER, message)
    for path, message in own_problems(operation.params):
        yield Problem(render((*operation.path, "with", *path)), _PARAMETER, message)


def _none(_: Mapping[str, Any]) -> _Found:
    yield from ()


def _job(params: Mapping[str, Any]) -> _Found:
    if "job" in params and not isinstance(params["job"], dict):
        yield ("job",), "must be a job: an object with name and steps"


def _schema_problems(step: OperationOutline) -> Iterator[Problem]:
    schema = step.params.get("schema")
    problem = None if schema is None else schema_problem(schema)
    if problem is not None:
        message = f"is no JSON Schema that can be used: {problem}"
        yield Problem(render((*step.path, "with", "schema")), _PARAMETER, message)


def _roles(params: Mapping[str, Any]) -> _Found:
    roles, able = params.get("roles", []), [role.value for role in Role if role.allows(Role.OPERATOR)]
    if not isinstance(roles, list):
        yield ("roles",), f"must be a list of roles: {listed(able)}"
        return
    for place, role in enumerate(roles):
        if role not in able:
            yield ("roles", place), f"must be one of the roles that may decide: {listed(able)}"


_OWN: dict[str, tuple[str | None, Callable[[Mapping[str, Any]], _Found]]] = {
    "JOB": ("job", _job),
    "WAIT": ("schema", _none),
    "APPROVAL": ("roles", _roles),
}
"""The field of a type that is checked by its own means, and how."""
