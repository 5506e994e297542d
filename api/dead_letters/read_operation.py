"""How the OpenAPI document describes the routes that read dead letters. Used by the routes."""

from typing import Any

from api.openapi import problems

LIST: dict[str, Any] = {"summary": "What is parked", "responses": problems(401, 403, 422, 503)}
GROUPS: dict[str, Any] = {"summary": "What is parked, by kind of failure", "responses": problems(401, 403, 422, 503)}
GET: dict[str, Any] = {
    "summary": "One parked job, with its full context",
    "responses": problems(401, 403, 404, 409, 422, 503),
}
