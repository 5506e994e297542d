"""The catalogue of step types: names and parameter models, for admission and the API. The worker adds plugins' steps.

It knows parameters, not implementations: those of the built-in steps are in activities/steps.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from perdure.contract.model_problem import FieldProblem, Path, model_problems
from perdure.contract.sleep import SleepParams
from perdure.contract.spec import JobParams
from perdure.contract.waiting import ApprovalParams, WaitParams
from perdure.steps.definition import StepDefinition
from perdure.steps.parameter.compute import ComputeParams
from perdure.steps.parameter.fail import FailParams
from perdure.steps.parameter.http_call import HttpCallParams
from perdure.steps.parameter.log import LogParams


@dataclass(frozen=True, slots=True)
class StepType:
    """What the catalogue knows of a step type. A type that needs no activity runs in the workflow itself.

    `computed` names the fields that hold an expression as such, `verbatim` those taken as they are written:
    `${ }` in them is no template.
    """

    name: str
    version: int
    params: type[BaseModel]
    needs_activity: bool = True
    computed: frozenset[str] = frozenset()
    verbatim: frozenset[str] = frozenset()

    @property
    def untemplated(self) -> frozenset[str]:
        """The fields in which `${ }` is no template."""
        return self.computed | self.verbatim


_types: dict[str, StepType] = {
    type_.name: type_
    for type_ in (
        StepType("SLEEP", 1, SleepParams, needs_activity=False),
        StepType("LOG", 1, LogParams),
        StepType("COMPUTE", 1, ComputeParams, computed=frozenset({"expression"})),
        StepType("HTTP_CALL", 1, HttpCallParams),
        StepType("FAIL", 1, FailParams),
        StepType("JOB", 1, JobParams, needs_activity=False, verbatim=frozenset({"job", "wait"})),
        StepType("WAIT", 1, WaitParams, needs_activity=False, verbatim=frozenset({"schema"})),
        StepType("APPROVAL", 1, ApprovalParams, needs_activity=False),
    )
}
_BUILT_IN = frozenset(_types)

CATALOGUE: Mapping[str, StepType] = MappingProxyType(_types)
"""Every step type this process knows, by name."""


def add_type(definition: StepDefinition) -> None:
    """Put a plugin's step type into the catalogue; putting the same one twice is harmless.

    Raises:
        ValueError: its name is that of a built-in step, or of another plugin's step.
    """
    known = _types.get(definition.name)
    if definition.name in _BUILT_IN or (known is not None and known.params is not definition.params):
        raise ValueError(f"the step type {definition.name} exists already; give the plugin's step another name")
    _types[definition.name] = StepType(definition.name, definition.version, definition.params)


def check_params(step_type: str, raw_with: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """What is wrong with the `with` of a step as a client wrote it; paths are relative to `with`.

    A value with a `${ }` in it is not known yet: what is wrong at, above or below it is not counted, except that
    fields which do not exist are named. The worker checks the resolved parameters again.

    Raises:
        KeyError: the catalogue has no such step type.
    """
    type_ = CATALOGUE[step_type]
    try:
        # As JSON, because that is how the step gets them: enums and dates are strings here.
        type_.params.model_validate_json(json.dumps(dict(raw_with)))
    except ValidationError as refused:
        found = list(model_problems(type_.params, raw_with, refused))
    else:
        return []
    unknown = [path for path in _template_paths(raw_with) if path[:1] and path[0] not in type_.untemplated]
    return [(problem.path, problem.message) for problem in found if not _excused(problem, unknown)]


def is_template(text: str) -> bool:
    """Whether a string has a `${` that is not written `$${`."""
    return "${" in text.replace("$${", "")


def parameter_problems(model: type[BaseModel], resolved: Any, refused: ValidationError) -> list[str]:
    """Each thing wrong with resolved parameters, naming its place and never a value: it may be a secret by now."""
    found = model_problems(model, resolved, refused, hide=True)
    return [f"{'.'.join(map(str, problem.path)) or 'with'}: {problem.message}" for problem in found]


def _template_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, str) and is_template(value):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _template_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _template_paths(inner, (*path, index))


def _excused(problem: FieldProblem, unknown: list[Path]) -> bool:
    if problem.kind in ("extra_forbidden", "missing"):
        return False
    path = problem.path
    if not path and "fields" in problem.context:
        return any((field,) in unknown for field in problem.context["fields"])
    return any(path[: len(other)] == other or other[: len(path)] == path for other in unknown)
