"""How the OpenAPI document describes the projection routes. Used by the routes."""

from typing import Any

from api.openapi import json_request, problems
from api.projection.schemas import ProjectionRequest

_BODY = {
    "requestBody": json_request(
        ProjectionRequest,
        {
            "All jobs": {"reason": "after the restore"},
            "Some jobs": {"job_ids": ["default:order-1042"]},
        },
        required=False,
    )
}
_ANSWERS = problems(400, 401, 403, 404, 408, 409, 413, 415, 422, 503)

STATE: dict[str, Any] = {"summary": "How the tables stand to the histories", "responses": problems(401, 403, 422, 503)}
CHECK: dict[str, Any] = {
    "summary": "Compare the tables with the histories",
    "status_code": 202,
    "responses": _ANSWERS,
    "openapi_extra": _BODY,
}
REBUILD: dict[str, Any] = {
    "summary": "Fold the histories again and mend the tables",
    "status_code": 202,
    "responses": _ANSWERS,
    "openapi_extra": _BODY,
}
