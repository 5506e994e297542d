"""What the OpenAPI document says beyond the routes' types: bodies read strictly, problems, shared pieces."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.idempotency_key import HEADER
from api.problem import MEDIA_TYPE, ProblemBody
from perdure.contract.identifier import KEY

_TEMPLATE = "#/components/schemas/{model}"
_TITLES = {
    400: "The body is not acceptable JSON",
    401: "No valid API key",
    403: "The key's role does not allow this, or a page of another site asks with a session's cookie",
    404: "There is no such thing",
    408: "The body did not arrive in time",
    409: "The state of things does not allow this",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    422: "Something in the request is not valid; `errors` names every place",
    503: "Postgres or Temporal cannot be reached now; see Retry-After",
    504: "No worker answered in time; the decision may still take effect",
}

KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The client's key for this request; the same key again is the same request.",
    "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may fail so."""
    schema = {"$ref": _TEMPLATE.format(model=ProblemBody.__name__)}
    return {
        status: {"description": _TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }


def either(*models: type[BaseModel]) -> dict[str, Any]:
    """The `content` of an answer that is one of several."""
    schemas = [{"$ref": _TEMPLATE.format(model=model.__name__)} for model in models]
    return {"application/json": {"schema": {"anyOf": schemas}}}


def located(description: str, what: str) -> dict[str, Any]:
    """The answer that something was made, and where it is."""
    location = {"schema": {"type": "string"}, "description": f"The path of {what}."}
    return {"description": description, "headers": {"Location": location}}


def json_request(model: type[BaseModel], examples: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The `requestBody` of a route that reads its body by itself. `examples`: summary to value."""
    named = {
        f"example{number}": {"summary": title, "value": value}
        for number, (title, value) in enumerate(examples.items(), 1)
    }
    schema = {"$ref": _TEMPLATE.format(model=model.__name__)}
    return {"required": required, "content": {"application/json": {"schema": schema, "examples": named}}}


def document(app: FastAPI, models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The OpenAPI document of the application, with the schemas of `models` added."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in models]
    _, found = models_json_schema(wanted, by_alias=True, ref_template=_TEMPLATE)
    schemas.update(found["$defs"])
    return made
