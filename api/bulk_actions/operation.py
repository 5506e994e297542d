"""How the OpenAPI document describes the routes of bulk actions. Used by the routes."""

from typing import Any

from api.bulk_actions.schemas import AbortRequest, BulkActionRequest, BulkActionView, BulkDryRunView
from api.openapi import KEY_PARAMETER, either, json_request, located, problems

_WHY = "the partner is back"
_EXAMPLES: dict[str, Any] = {
    "How many would it be?": {
        "action": "retry",
        "filter": {"error_code": "STEP.HTTP.5XX", "step": "book"},
        "reason": _WHY,
        "dry_run": True,
    },
    "Ten first, then the others, twenty a second": {
        "action": "retry",
        "filter": {"fingerprint": "0a1b2c3d4e5f6071"},
        "reason": _WHY,
        "canary": 10,
        "rate_per_second": 20,
    },
    "Skip a step of named jobs": {
        "action": "skip",
        "ids": ["default:order-1042"],
        "step": "book",
        "output": {"status": 201},
        "reason": "booked by phone",
    },
}
CREATE: dict[str, Any] = {
    "summary": "Decide about many parked jobs",
    "status_code": 202,
    "response_model": BulkActionView,
    "responses": {
        200: {
            "description": "Sent before under this key: the action. With dry_run: the count and some of the jobs.",
            "content": either(BulkActionView, BulkDryRunView),
        },
        202: located("The jobs are frozen and the action has started.", "the action"),
        **problems(400, 401, 403, 408, 413, 415, 422, 503),
    },
    "openapi_extra": {"parameters": [KEY_PARAMETER], "requestBody": json_request(BulkActionRequest, _EXAMPLES)},
}
LIST: dict[str, Any] = {"summary": "List bulk actions", "responses": problems(401, 403, 422, 503)}
GET: dict[str, Any] = {"summary": "One bulk action", "responses": problems(401, 403, 404, 422, 503)}
ITEMS: dict[str, Any] = {
    "summary": "What became of each job of a bulk action",
    "responses": problems(401, 403, 404, 422, 503),
}
ABORT: dict[str, Any] = {
    "summary": "Stop a bulk action",
    "responses": problems(400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
    "openapi_extra": {
        "requestBody": json_request(AbortRequest, {"With a reason": {"reason": "it was the wrong partner"}})
    },
}
