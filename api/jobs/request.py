"""Bodies of the routes that decide about a job (contract 9); those of dead letters are made of them."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from perdure.contract.command import ApprovalDecision, Reason
from perdure.contract.identifier import KEY, parse_unit_id
from perdure.contract.limit import MAX_ITEMS, MAX_STEPS
from perdure.contract.model import Model
from perdure.contract.spec import StepId

_UNIT_FORM = r"^[a-z][a-z0-9_]{0,62}(\.[0-9]{1,6})?(\.compensate)?$"


def _checked_unit(text: str) -> str:
    if parse_unit_id(text) is None:
        raise ValueError("a step is named by its id, an item as fetch.7, a compensation as fetch.compensate")
    return text


Unit = Annotated[str, AfterValidator(_checked_unit), WithJsonSchema({"type": "string", "pattern": _UNIT_FORM})]
"""What can be parked: a step, an item of its fan-out, or the compensation of either."""
Patch = Annotated[dict[Unit, Annotated[dict[str, Any], Field(min_length=1)]], Field(min_length=1, max_length=MAX_STEPS)]


class DecisionRequest(Model):
    """Why it is decided so; kept in the job's journal."""

    reason: Reason | None = None


class CancelRequest(DecisionRequest):
    """Why the job is to end."""


class TerminateRequest(DecisionRequest):
    """Why the job is to end at once, without its steps being asked and without compensations."""


class PauseRequest(DecisionRequest):
    """Why no further step is to start."""


class ResumeRequest(DecisionRequest):
    """Why the job is to go on."""


class RetryRequest(DecisionRequest):
    """What runs again: all that is parked, the `steps` named, or `from_step` with everything after it.

    `patch` replaces fields of the `with` of what runs again. `force`, with a reason, lets an `at_most_once` step run
    again that may have taken effect.
    """

    steps: Annotated[list[Unit], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    from_step: StepId | None = None
    patch: Patch | None = Field(None, description="`{step: {field of with: its new value}}`")
    force: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.steps is not None and self.from_step is not None:
            raise PydanticCustomError("value_error", "{error}", {"error": "send steps or from_step, not both"})
        if self.force and not (self.reason or "").strip():
            error = "force needs a reason: what makes it safe to run the step again?"
            raise PydanticCustomError("value_error", "{error}", {"error": error})
        return self


class DeliverRequest(DecisionRequest):
    """What the `WAIT` step that waits, or will wait, for `name` gets as its output."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    payload: Any = None


class ApproveRequest(DecisionRequest):
    """What a person says to an `APPROVAL` step. Without `step`: the one that waits."""

    step: Unit | None = None
    decision: ApprovalDecision


class ResubmitRequest(DecisionRequest):
    """How a new job does a closed one again: from its start, or from a step with earlier outputs carried over."""

    from_step: StepId | None = None
    input: Any = Field(None, description="Instead of the original's input; `null` counts where it is sent.")
    id: Annotated[str, StringConstraints(pattern=f"^{KEY.pattern}$")] | None = None

    @property
    def changes_input(self) -> bool:
        """Whether the new job gets another input."""
        return "input" in self.model_fields_set
