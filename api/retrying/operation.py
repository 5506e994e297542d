"""How the OpenAPI document describes the routes of retrying jobs. Used by the routes."""

from typing import Any

from api.openapi import json_request, problems
from api.retrying.schemas import GiveUpRequest, RetryNowRequest

_DECIDED = problems(400, 401, 403, 404, 408, 409, 413, 415, 422, 503)
LIST: dict[str, Any] = {"summary": "Jobs that are being retried now", "responses": problems(401, 403, 422, 503)}
NOW: dict[str, Any] = {
    "summary": "Attempt it now",
    "responses": _DECIDED,
    "openapi_extra": {
        "requestBody": json_request(RetryNowRequest, {"All that waits": {"reason": "the partner is back"}})
    },
}
GIVE_UP: dict[str, Any] = {
    "summary": "Attempt it no more",
    "responses": _DECIDED,
    "openapi_extra": {
        "requestBody": json_request(
            GiveUpRequest, {"A step": {"reason": "the partner is gone for good", "steps": ["book"]}}
        )
    },
}
MODELS = (RetryNowRequest, GiveUpRequest)
"""The bodies."""
