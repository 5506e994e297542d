"""How the OpenAPI document describes the routes of retrying jobs. Used by the routes."""

from typing import Any

from api.jobs.decision_operation import decided
from api.openapi import problems
from api.retrying.schemas import GiveUpRequest, RetryNowRequest

LIST: dict[str, Any] = {"summary": "Jobs that are being retried now", "responses": problems(401, 403, 422, 503)}
NOW = decided("Attempt it now", RetryNowRequest, {"All that waits": {"reason": "the partner is back"}})
GIVE_UP = decided(
    "Attempt it no more",
    GiveUpRequest,
    {"A step": {"reason": "the partner is gone for good", "steps": ["book"]}},
)
MODELS = (RetryNowRequest, GiveUpRequest)
"""The bodies."""
