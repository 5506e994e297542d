"""How the OpenAPI document describes the key routes. Used by the routes."""

from typing import Any

from api.keys.schemas import KeyRequest, RevokeRequest, RotateRequest
from api.openapi import json_request, problems


def _shown_once(status: int, said: str) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": f"{said} Its secret is in `key`, this once."}}


ME: dict[str, Any] = {"summary": "Whose key is this?", "responses": problems(401, 403, 422, 503)}
LIST: dict[str, Any] = {"summary": "List API keys", "responses": problems(401, 403, 422, 503)}
GET: dict[str, Any] = {"summary": "One API key", "responses": problems(401, 403, 404, 422, 503)}
CREATE: dict[str, Any] = {
    "summary": "Make an API key",
    "responses": {**_shown_once(201, "The key is made."), **problems(400, 401, 403, 408, 409, 413, 415, 422, 503)},
    "openapi_extra": {
        "requestBody": json_request(
            KeyRequest,
            {
                "An operator of one tenant": {
                    "name": "acme-orders",
                    "role": "operator",
                    "tenant": "acme",
                    "expires_in": "90d",
                },
                "Somebody who may see payloads": {"name": "support", "role": "viewer", "payloads": True},
            },
        )
    },
}
ROTATE: dict[str, Any] = {
    "summary": "Give an API key a new secret",
    "responses": {
        **_shown_once(200, "The key is rotated."),
        **problems(400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
    },
    "openapi_extra": {
        "requestBody": json_request(
            RotateRequest, {"The old secret counts for an hour more": {"grace": "1h"}}, required=False
        )
    },
}
REVOKE: dict[str, Any] = {
    "summary": "Revoke an API key",
    "responses": problems(400, 401, 403, 404, 408, 413, 415, 422, 503),
    "openapi_extra": {
        "requestBody": json_request(RevokeRequest, {"With a reason": {"reason": "it leaked"}}, required=False)
    },
}
