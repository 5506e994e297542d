"""What the workflow hands to a step's activity and gets back; the wrapper in activities/ speaks these."""

from typing import Any

from pydantic import Field

from perdure.contract.error import ErrorInfo
from perdure.contract.ledger import AttemptLedger
from perdure.contract.limit import JobLimits
from perdure.contract.model import Message
from perdure.contract.spec import RetryPolicy
from perdure.contract.state import Effect


class SecretPart(Message):
    """A piece of a string with secrets: literal `text`, or the name of a `secret`."""

    text: str | None = None
    secret: str | None = None


class SecretSlot(Message):
    """Where in the parameters a string with secrets belongs; `params` holds null at that path."""

    path: list[str | int]
    parts: list[SecretPart]


class StepInput(Message):
    """One round of one step: parameters resolved but for secrets, and the policy its attempts follow."""

    job_id: str
    job_name: str
    job_type: str
    tenant: str
    step_id: str
    step_type: str
    item: int | None = None
    """Index of the item, where the step is a fan-out."""
    compensates: bool = False
    """Whether this undoes the step."""
    effect: Effect = Effect.IDEMPOTENT
    round: int = 1
    attempts_before: int = 0
    """Attempts of earlier rounds."""
    before: AttemptLedger = Field(default_factory=AttemptLedger)
    """Attempts of this round that were made locally; numbering goes on from them."""
    params: dict[str, Any]
    secrets: list[SecretSlot] = Field(default_factory=list)
    idempotency_key: str
    retry: RetryPolicy
    timeout: str
    """Start-to-close of one attempt, as a duration."""
    limits: JobLimits = Field(default_factory=JobLimits)
    correlation_id: str | None = None
    parent_job_id: str | None = None
    traceparent: str | None = None
    """The W3C trace context that the job was submitted with."""


class StepResult(Message):
    """Result of a step's activity."""

    output: Any = None
    ledger: AttemptLedger = Field(default_factory=AttemptLedger)


class StepFailure(Message):
    """First detail of the `ApplicationError` that ends an attempt; its type is the error's code."""

    error: ErrorInfo
    ledger: AttemptLedger = Field(default_factory=AttemptLedger)
