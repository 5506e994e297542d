"""How the OpenAPI document describes the routes that decide: bodies, answers, examples. Used by the routes."""

from typing import Any

from pydantic import BaseModel

from api.jobs.request import (
    ApproveRequest,
    CancelRequest,
    DeliverRequest,
    PauseRequest,
    ResubmitRequest,
    ResumeRequest,
    RetryRequest,
    TerminateRequest,
)
from api.jobs.schemas import JobView
from api.openapi import KEY_PARAMETER, json_request, located, problems

_STOPPED = (400, 401, 403, 404, 409, 413, 415, 422, 503)
_DECIDED = (*_STOPPED, 504)


def _stop(summary: str, model: type[BaseModel], reason: str) -> dict[str, Any]:
    body = json_request(model, {"With a reason": {"reason": reason}}, required=False)
    return {"summary": summary, "responses": problems(*_STOPPED), "openapi_extra": {"requestBody": body}}


def decided(summary: str, model: type[BaseModel], examples: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """A decision that the job's workflow takes or refuses."""
    body = json_request(model, examples, required=required)
    return {
        "summary": summary,
        "responses": problems(*_DECIDED),
        "openapi_extra": {"parameters": [KEY_PARAMETER], "requestBody": body},
    }


RETRY_EXAMPLES: dict[str, Any] = {
    "All that is parked": {"reason": "the partner is back"},
    "Named steps, an item of a fan-out": {"reason": "the partner is back", "steps": ["book", "notify.7"]},
    "From a step on": {"reason": "the rate was wrong", "from_step": "total"},
    "With other parameters": {
        "reason": "the partner moved",
        "steps": ["book"],
        "patch": {"book": {"url": "https://partner.example/v2/orders"}},
    },
}

CANCEL = _stop("Cancel a job", CancelRequest, "the customer cancelled the order")
TERMINATE = _stop("Terminate a job", TerminateRequest, "it cannot be brought to an end otherwise")
PAUSE = decided("Pause a job", PauseRequest, {"With a reason": {"reason": "the partner moves"}}, required=False)
RESUME = decided("Resume a paused job", ResumeRequest, {"With a reason": {"reason": "done"}}, required=False)
RETRY = decided("Retry the parked steps of a dead-lettered job", RetryRequest, RETRY_EXAMPLES, required=False)
DELIVER = decided(
    "Deliver to a WAIT step",
    DeliverRequest,
    {"A payload": {"name": "payment", "payload": {"amount": 1042}}, "Only the name": {"name": "go"}},
)
APPROVE = decided(
    "Decide an APPROVAL step",
    ApproveRequest,
    {
        "Approve": {"decision": "approve", "reason": "within budget"},
        "Reject a named step": {"decision": "reject", "step": "release", "reason": "the report is missing"},
    },
)
RESUBMIT: dict[str, Any] = {
    "summary": "Do a closed job again, as a new one",
    "status_code": 202,
    "response_model": JobView,
    "responses": {
        200: {"description": "Sent before: the new job (Idempotent-Replayed: true)."},
        202: located("Temporal has durably accepted the new job.", "the new job"),
        **problems(*_STOPPED),
    },
    "openapi_extra": {
        "parameters": [KEY_PARAMETER],
        "requestBody": json_request(
            ResubmitRequest,
            {
                "From its start": {"reason": "the order was wrong"},
                "From a step, with another input": {
                    "reason": "the price was wrong",
                    "from_step": "book",
                    "input": {"order": 1042},
                    "id": "order-1042-again",
                },
            },
            required=False,
        ),
    },
}

MODELS = (
    CancelRequest,
    TerminateRequest,
    PauseRequest,
    ResumeRequest,
    RetryRequest,
    DeliverRequest,
    ApproveRequest,
    ResubmitRequest,
)
"""The bodies."""
