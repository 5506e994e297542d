"""How the OpenAPI document describes the dead-letter routes. Used by the routes."""

from api.dead_letters.schemas import DiscardRequest, RetryDeadLetterRequest, SkipRequest
from api.jobs.decision_operation import RETRY_EXAMPLES, decided

RETRY = decided("Retry what is parked", RetryDeadLetterRequest, RETRY_EXAMPLES)
SKIP = decided(
    "Skip a parked step",
    SkipRequest,
    {
        "With its output": {"reason": "booked by phone", "step": "book", "output": {"status": 201}},
        "An item of a fan-out": {"reason": "the address is dead", "step": "notify.7", "output": {"sent": False}},
    },
)
DISCARD = decided("Discard a parked job", DiscardRequest, {"With a reason": {"reason": "the order was withdrawn"}})

MODELS = (RetryDeadLetterRequest, SkipRequest, DiscardRequest)
"""The bodies."""
