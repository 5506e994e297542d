"""A document against a strict model: the model, or every mismatch in words; for specs and other bodies."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, to_json

from perdure.admission.field_message import field_message
from perdure.admission.json_path import Path, render
from perdure.admission.problem import MAX_PROBLEMS, AdmissionError, Problem
from perdure.admission.wording import listed, meant, quoted

M = TypeVar("M", bound=BaseModel)


def check_structure(model: type[M], document: Any, at: Path = ()) -> tuple[M | None, list[Problem]]:
    """The model and no problems, or None and up to a few more than `MAX_PROBLEMS` of them, in what stands `at`."""
    try:
        # As JSON, where a string can be one of an enumeration's values although the model is strict.
        return model.model_validate_json(to_json(document), by_alias=True, by_name=False), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, list(_problems(model, document, details, at))


def read_model(model: type[M], document: Any) -> M:
    """The document as a `model`.

    Raises:
        AdmissionError: API.VALIDATION with every mismatch.
    """
    found, problems = check_structure(model, document)
    if found is None:
        raise AdmissionError("API.VALIDATION", problems)
    return found


def _problems(model: type[BaseModel], document: Any, details: Sequence[ErrorDetails], at: Path) -> Iterator[Problem]:
    """One problem a path: a union reports once for each of its members."""
    by_path: dict[str, list[ErrorDetails]] = {}
    for detail in details:
        path, _ = _place(document, detail)
        by_path.setdefault(render((*at, *path)), []).append(detail)
        if len(by_path) > MAX_PROBLEMS:
            break
    for shown, found in by_path.items():
        path, value = _place(document, found[0])
        code, message = _message(model, path, value, found)
        yield Problem(shown, f"API.FIELD.{code}", message)


def _place(document: Any, detail: ErrorDetails) -> tuple[Path, Any]:
    """The path of an error and the value there, without pydantic's own marks for unions and keys."""
    value = document
    path: Path = ()
    for segment in detail["loc"]:
        if isinstance(value, dict) and (segment in value or detail["type"] == "missing"):
            value = value.get(segment)
        elif isinstance(value, list) and isinstance(segment, int) and segment < len(value):
            value = value[segment]
        else:
            # Below a value that is not a container only a mark is left: the member of a union, or a key.
            return path, path[-1] if segment == "[key]" else value
        path = (*path, segment)
    return path, value


def _message(model: type[BaseModel], path: Path, value: Any, found: Sequence[ErrorDetails]) -> tuple[str, str]:
    kind = found[0]["type"]
    if kind == "missing":
        return "MISSING", f"the field {quoted(str(path[-1]))} is required"
    if kind != "extra_forbidden":
        return field_message(value, found)
    name = str(path[-1])
    known = _field_names(_model_at(model, path[:-1]))
    return "UNKNOWN", f"unknown field {quoted(name)}{meant(name, known)}. Fields here: {listed(known)}"


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
