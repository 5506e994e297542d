"""Bodies of the dead-letter routes (contract 9). Here a decision always has a reason."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from api.jobs.request import DecisionRequest, RetryRequest, Unit
from perdure.contract.command import Reason


def said(text: str) -> str:
    """The reason, if it says something; raises ValueError."""
    if not text.strip():
        raise ValueError("must not be empty: who reads the journal wants to know why")
    return text


GivenReason = Annotated[Reason, AfterValidator(said)]


class RetryDeadLetterRequest(RetryRequest):
    """What runs again, as in the retry of a job, and why."""

    reason: GivenReason


class SkipRequest(DecisionRequest):
    """The parked step that counts as done, with what output, and why."""

    reason: GivenReason
    step: Unit
    output: Any = Field(description="What later steps see as the step's output.")


class DiscardRequest(DecisionRequest):
    """Why the job is given up."""

    reason: GivenReason
