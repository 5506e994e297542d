"""Query strings, read strictly: nothing unknown, nothing twice, nothing that is not UTF-8."""

from collections.abc import Awaitable, Callable, Iterator
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import BaseModel

from api.problem import ApiError, invalid
from perdure.admission.problem import Problem
from perdure.contract.wording import listed, meant, quoted


class NoQuery(BaseModel):
    """The query of a route that takes none."""


def only(model: type[BaseModel]) -> Callable[[Request], Awaitable[None]]:
    """A dependency that refuses query parameters that `model` does not have, and scalar ones sent twice."""
    known = list(model.model_fields)
    repeatable = {name for name, field in model.model_fields.items() if _is_list(field.annotation)}

    async def check(request: Request) -> None:
        _check_encoding(request.scope["query_string"])
        problems = list(_problems(request, known, repeatable))
        if problems:
            raise ApiError("API.VALIDATION", f"{problems[0].path}: {problems[0].message}", problems)

    return check


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_list(part) for part in get_args(annotation) if part is not NoneType)
    return get_origin(annotation) is list


def _check_encoding(query: bytes) -> None:
    try:
        decoded = unquote_to_bytes(query).decode("utf-8")
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded:
        message = "the query string must be percent-encoded UTF-8 without NUL"
        raise invalid("query", "API.PARAMETER.ENCODING", message)


def _problems(request: Request, known: list[str], repeatable: set[str]) -> Iterator[Problem]:
    for name in request.query_params:
        path = f"query.{name[:80]}"
        if name not in known:
            there_is = f"This path takes {listed(known)}" if known else "This path takes none"
            message = f"unknown query parameter {quoted(name)}{meant(name, known)}. {there_is}"
            yield Problem(path, "API.PARAMETER.UNKNOWN", message)
        elif name not in repeatable and len(request.query_params.getlist(name)) > 1:
            yield Problem(path, "API.PARAMETER.REPEATED", f"{name} can be given only once")
