"""What a model refuses of a document, place by place, in our words; for admission, parameters, commands, queries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from perdure.contract.field_message import field_message
from perdure.contract.wording import listed, meant, quoted

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One place that is wrong: where, pydantic's kind and context, the last part of our code, and what to tell."""

    path: Path
    kind: str
    context: Mapping[str, Any]
    code: str
    message: str


def model_problems(
    model: type[BaseModel], document: Any, error: ValidationError, *, hide: bool = False, limit: int | None = None
) -> Iterator[FieldProblem]:
    """One problem a path: a union reports once for each of its members.

    Args:
        model: what was asked for.
        document: what was given, as the model saw it.
        error: what pydantic made of it.
        hide: tell names and kinds, never a value.
        limit: how many problems to look for, apart from one more.
    """
    by_path: dict[Path, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path, value = _place(document, detail)
        detail["input"] = value
        by_path.setdefault(path, []).append(detail)
        if limit is not None and len(by_path) > limit:
            break
    for path, found in by_path.items():
        code, message = _message(model, path, found, hide=hide)
        yield FieldProblem(path, found[0]["type"], found[0].get("ctx", {}), code, message)


def _place(document: Any, detail: ErrorDetails) -> tuple[Path, Any]:
    """The path of an error and the value there, without pydantic's own marks for unions and keys."""
    value = document
    path: Path = ()
    absent = detail["loc"][-1] if detail["type"] == "missing" else None
    for segment in detail["loc"]:
        if isinstance(value, Mapping) and (segment in value or segment == absent):
            value = value.get(segment)
        elif isinstance(value, list | tuple) and isinstance(segment, int) and segment < len(value):
            value = value[segment]
        elif segment == "[key]":
            return path, path[-1]
        else:
            # A mark: the member of a union. What stands below it stands here.
            continue
        path = (*path, segment)
    return path, value


def _message(model: type[BaseModel], path: Path, found: Sequence[ErrorDetails], *, hide: bool) -> tuple[str, str]:
    kind = found[0]["type"]
    if kind == "missing":
        return "MISSING", f"the field {quoted(str(path[-1]))} is required"
    if kind != "extra_forbidden":
        return field_message(found, hide=hide)
    name = str(path[-1])
    known = _field_names(_model_at(model, path[:-1]))
    return "UNKNOWN", f"unknown field {quoted(name)}{meant(name, known)}. Fields here: {listed(known) or 'none'}"


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    for segment in path:
        for name, field in model.model_fields.items():
            if segment == (field.alias or name):
                model = _nested(field.annotation) or model
                break
    return model


def _nested(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _nested(part))), None)


def _field_names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
