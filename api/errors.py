"""Every way a request can fail, as a problem: core errors by their code, the frameworks' own too."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.routing import compile_path

from api.problem import ApiError, problem_response
from perdure.admission.problem import AdmissionError, Problem
from perdure.contract.error import PerdureError
from perdure.contract.field_message import field_message
from perdure.store.session import StoreUnavailableError

_log = structlog.get_logger("perdure.api")

RETRY_AFTER = {"Retry-After": "2"}

STATUS = {
    "API.BODY_INVALID": 400,
    "API.BODY_TIMEOUT": 408,
    "API.BODY_TOO_LARGE": 413,
    "API.CONTENT_TYPE": 415,
    "API.VALIDATION": 422,
    "API.STEP_UNKNOWN": 422,
    "API.IDEMPOTENCY_KEY_REUSED": 422,
    "API.IDEMPOTENCY_KEY_MISMATCH": 422,
    "API.UNAUTHENTICATED": 401,
    "API.FORBIDDEN": 403,
    "API.CROSS_SITE": 403,
    "API.NOT_FOUND": 404,
    "API.METHOD_NOT_ALLOWED": 405,
    "API.CONFLICT": 409,
    "API.JOB_NOT_PARKED": 409,
    "API.JOB_NOT_PAUSED": 409,
    "API.JOB_CLOSED": 409,
    "API.JOB_OPEN": 409,
    "API.STEP_RUNNING": 409,
    "API.STEP_NOT_RETRYING": 409,
    "API.FORCE_REQUIRED": 409,
    "API.NOTHING_WAITS": 409,
    "API.COMMAND_UNKNOWN": 409,
    "API.PAYLOAD_INVALID": 422,
    "API.APPROVAL_NOT_ALLOWED": 403,
    "API.LEDGER_UNAVAILABLE": 503,
    "API.UNAVAILABLE": 503,
    "API.DECISION_TIMEOUT": 504,
}
"""The HTTP status of each code that a request may be refused with."""
_HTTP_CODES = {404: "API.NOT_FOUND", 405: "API.METHOD_NOT_ALLOWED"}


def add_error_handlers(app: FastAPI) -> None:
    """Make every failure of this application a problem. What is left is answered by the middleware."""
    app.add_exception_handler(PerdureError, _refused)
    app.add_exception_handler(StoreUnavailableError, _refused)
    app.add_exception_handler(HTTPException, _http_failed)
    app.add_exception_handler(RequestValidationError, _parameters_invalid)
    app.add_exception_handler(ClientDisconnect, _disconnected)


def explained(request: Request, error: Exception) -> tuple[int, str, str, tuple[Problem, ...]]:
    """Status, code, message and places of a failure. Of what nobody foresaw only the log knows more."""
    if isinstance(error, StoreUnavailableError):
        _log.warning("the store is away", reason=str(error))
        detail = "the store (Postgres) cannot be reached now; jobs run on. Try again in a few seconds"
        return 503, "API.UNAVAILABLE", detail, ()
    if isinstance(error, PerdureError) and error.code in STATUS:
        return STATUS[error.code], error.code, error.message, _items(error)
    _log.error("unexpected error", path=request.url.path[:200], exc_info=error)
    return 500, "API.INTERNAL", "something failed in the server; the log has the cause under this request id", ()


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """The answer to what the handlers above did not take."""
    status, code, detail, items = explained(request, error)
    return problem_response(request, status, code, detail, items=items)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    status, code, detail, items = explained(request, error)
    headers = error.headers if isinstance(error, ApiError) else {}
    waits = RETRY_AFTER if status == 503 else {}  # noqa: PLR2004
    return problem_response(request, status, code, detail, items=items, headers={**waits, **headers})


def _items(error: PerdureError) -> tuple[Problem, ...]:
    if isinstance(error, AdmissionError):
        return error.problems
    if isinstance(error, ApiError):
        return error.items
    place = error.details.get("path")
    return (Problem(f"query.{place}", "API.PARAMETER.VALUE", error.message),) if place else ()


async def _http_failed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these only
    if error.status_code == 405:  # noqa: PLR2004
        allowed = ", ".join(_methods(request))
        detail = f"this path takes {allowed}, not {request.method[:20]}"
        return problem_response(request, 405, "API.METHOD_NOT_ALLOWED", detail, headers={"Allow": allowed})
    code = _HTTP_CODES.get(error.status_code, "API.VALIDATION")
    detail = "there is nothing at this path; /docs lists what there is" if code == "API.NOT_FOUND" else error.detail
    return problem_response(request, error.status_code, code, detail, headers=error.headers)


def _methods(request: Request) -> list[str]:
    """The methods of this path: Starlette names only those of the first route that fits."""
    paths = request.app.state.openapi_document["paths"]
    fitting = (item for path, item in paths.items() if compile_path(path)[0].match(request.url.path))
    return sorted({method.upper() for item in fitting for method in item}) or ["GET"]


async def _parameters_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for these only
    items = [
        Problem(".".join(str(part) for part in found["loc"]), "API.PARAMETER.VALUE", field_message([found])[1])
        for found in error.errors()
    ]
    detail = "; ".join(f"{item.path}: {item.message}" for item in items[:3])
    return problem_response(request, 422, "API.VALIDATION", detail, items=items)


async def _disconnected(request: Request, _: Exception) -> JSONResponse:
    detail = "the client closed the connection before its request was complete"
    return problem_response(request, 400, "API.BODY_INVALID", detail)
