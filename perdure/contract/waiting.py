"""Parameters of `WAIT` and `APPROVAL`, the steps that a person or another system ends."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from perdure.contract.duration import Duration
from perdure.contract.model import Model

MAX_APPROVALS = 20


class OnTimeout(StrEnum):
    """What a wait that nobody ended does when its time is up."""

    FAIL = "fail"
    CONTINUE = "continue"


class WaitingParams(Model):
    """How long to wait (null: without end), and what then."""

    timeout: Duration | None = None
    on_timeout: Annotated[OnTimeout, Field(strict=False)] = OnTimeout.FAIL


class WaitParams(WaitingParams):
    """Waits for a delivery called `name`; `schema` is the JSON Schema its payload must meet. Output: the payload."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    payload_schema: dict[str, Any] | bool | None = Field(None, alias="schema")


class ApprovalParams(WaitingParams):
    """Waits for that many different people. Output: `{"approved": …, "decisions": […]}`.

    `roles`: who may decide, by role; empty means everybody who may submit decisions. `message` is for them.
    """

    required_approvals: int = Field(1, ge=1, le=MAX_APPROVALS)
    roles: list[Annotated[str, StringConstraints(min_length=1, max_length=40)]] = Field(
        default_factory=list, max_length=10
    )
    allow_self_approval: bool = False
    message: Annotated[str, StringConstraints(max_length=1_000)] | None = None
