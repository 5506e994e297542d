"""The catalogue of step types: names and parameter models, for admission and the API. The worker adds plugins' steps.

It knows parameters, not implementations: those of the built-in steps are in activities/steps.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from perdure.contract.sleep import SleepParams
from perdure.contract.spec import JobParams
from perdure.contract.waiting import ApprovalParams, WaitParams
from perdure.steps.definition import StepDefinition
from perdure.steps.parameter.compute import ComputeParams
from perdure.steps.parameter.fail import FailParams
from perdure.steps.parameter.http_call import HttpCallParams
from perdure.steps.parameter.log import LogParams

ParameterPath = tuple[str | int, ...]


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


def check_params(step_type: str, raw_with: Mapping[str, Any]) -> list[tuple[ParameterPath, str]]:
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
        errors = refused.errors(include_url=False, include_input=False)
    else:
        return []
    unknown = [path for path in _template_paths(raw_with) if path[:1] and path[0] not in type_.untemplated]
    located = [(_real_path(error["loc"], raw_with), error) for error in errors]
    return [
        (path, _message(error))
        for path, error in located
        if not _excused(path, error["type"], error.get("ctx", {}), unknown)
    ]


def is_template(text: str) -> bool:
    """Whether a string has a `${` that is not written `$${`."""
    return "${" in text.replace("$${", "")


def parameter_problems(refused: ValidationError) -> list[str]:
    """Each thing wrong with resolved parameters, naming its place and never a value."""
    errors = refused.errors(include_url=False, include_input=False, include_context=False)
    return [f"{'.'.join(map(str, error['loc'])) or 'with'}: {_message(error)}" for error in errors]


def _message(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such parameter"
    return error["msg"].removeprefix("Value error, ")


def _template_paths(value: Any, path: ParameterPath = ()) -> Iterator[ParameterPath]:
    if isinstance(value, str) and is_template(value):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _template_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _template_paths(inner, (*path, index))


def _real_path(loc: ParameterPath, raw: Any) -> ParameterPath:
    """The part of a pydantic location that exists in the value; unions and keys add parts of their own."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(raw, Mapping) and isinstance(part, str):
            path.append(part)
            if part not in raw:
                break
            raw = raw[part]
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            path.append(part)
            raw = raw[part]
        else:
            break
    return tuple(path)


def _excused(path: ParameterPath, kind: str, context: Mapping[str, Any], unknown: list[ParameterPath]) -> bool:
    if kind in ("extra_forbidden", "missing"):
        return False
    if not path and "fields" in context:
        return any((field,) in unknown for field in context["fields"])
    return any(path[: len(other)] == other or other[: len(path)] == path for other in unknown)
