"""How the OpenAPI document describes the session routes. Used by the routes."""

from typing import Any

from api.openapi import json_request, problems
from api.session.schemas import SessionRequest

_OPEN: dict[str, Any] = {"security": []}
"""Said, not left out: whoever asks has no key to show yet, or none any more."""
_COOKIE = {"headers": {"Set-Cookie": {"schema": {"type": "string"}, "description": "perdure_session"}}}

BEGIN: dict[str, Any] = {
    "summary": "Begin a session in a browser",
    "responses": {
        200: {"description": "Whose key it is; the cookie stands for the key from now on.", **_COOKIE},
        **problems(400, 401, 403, 408, 413, 415, 422, 503),
    },
    "openapi_extra": {
        **_OPEN,
        "requestBody": json_request(SessionRequest, {"With a key": {"api_key": f"pdr_m3x0c2v7k1qa_{'x' * 43}"}}),
    },
}
END: dict[str, Any] = {
    "summary": "End the session of a browser",
    "responses": {204: {"description": "The cookie is taken back.", **_COOKIE}, **problems(403, 422)},
    "openapi_extra": _OPEN,
}
