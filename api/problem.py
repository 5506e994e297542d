"""`application/problem+json` (contract 6): the one form in which the API says no."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.context import context_of
from perdure.admission.problem import Problem
from perdure.contract.code import CODES
from perdure.contract.error import ErrorClass, PerdureError

MEDIA_TYPE = "application/problem+json"
DOCS = "/docs/errors"
_PATH_SHOWN = 500


class ProblemItem(BaseModel):
    """One thing wrong: where (a JSON path; `query.…` or `header.…`), a stable code, and how to mend it."""

    path: str
    code: str
    message: str


class ProblemBody(BaseModel):
    """RFC 9457 with a stable `code`, whether the same request may succeed later, and every place that is wrong."""

    type: str = Field(examples=["/docs/errors#API.NOT_FOUND"])
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(examples=["API.NOT_FOUND"])
    retryable: bool
    errors: list[ProblemItem]
    trace_id: str
    request_id: str


class ApiError(PerdureError):
    """A request the API refuses. `items` name the places, `headers` go into the answer."""

    def __init__(
        self,
        code: str,
        message: str,
        items: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        known = CODES.get(code)
        super().__init__(code, known.error_class if known else ErrorClass.PERMANENT, message)
        self.items = tuple(items)
        self.headers = dict(headers or {})


def invalid(path: str, code: str, message: str) -> ApiError:
    """The refusal of one header or query parameter."""
    return ApiError("API.VALIDATION", f"{path}: {message}", [Problem(path, code, message)])


def problem_response(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    items: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer for a failed request."""
    return JSONResponse(problem_body(request, status, code, detail, items), status, headers, MEDIA_TYPE)


def problem_body(
    request: Request, status: int, code: str, detail: str, items: Sequence[Problem] = ()
) -> dict[str, Any]:
    """The fields of `ProblemBody`."""
    info = CODES.get(code)
    context = context_of(request)
    return {
        "type": f"{DOCS}#{code}",
        "title": info.title if info else code,
        "status": status,
        "detail": detail,
        "instance": request.scope.get("raw_path", b"").decode("latin-1")[:_PATH_SHOWN],
        "code": code,
        "retryable": info.error_class.retryable if info else False,
        "errors": [{"path": item.path, "code": item.code, "message": item.message} for item in items],
        "trace_id": context.trace_id,
        "request_id": context.request_id,
    }
