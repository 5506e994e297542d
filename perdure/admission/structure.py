"""A document against a strict model: the model, or every mismatch in words; for specs and other bodies."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from perdure.admission.json_path import Path, render
from perdure.admission.problem import MAX_PROBLEMS, AdmissionError, Problem
from perdure.contract.model_problem import model_problems

M = TypeVar("M", bound=BaseModel)


def check_structure(model: type[M], document: Any, at: Path = ()) -> tuple[M | None, list[Problem]]:
    """The model and no problems, or None and up to a few more than `MAX_PROBLEMS` of them, in what stands `at`."""
    try:
        # As JSON, where a string can be one of an enumeration's values although the model is strict.
        return model.model_validate_json(to_json(document), by_alias=True, by_name=False), []
    except ValidationError as error:
        found = model_problems(model, document, error, limit=MAX_PROBLEMS)
        return None, [Problem(render((*at, *one.path)), f"API.FIELD.{one.code}", one.message) for one in found]


def read_model(model: type[M], document: Any) -> M:
    """The document as a `model`.

    Raises:
        AdmissionError: API.VALIDATION with every mismatch.
    """
    found, problems = check_structure(model, document)
    if found is None:
        raise AdmissionError("API.VALIDATION", problems)
    return found
