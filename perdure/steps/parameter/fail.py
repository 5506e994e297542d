"""Parameters of `FAIL`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from perdure.contract.identifier import ERROR_CODE_FORM
from perdure.contract.limit import MAX_SAFE_INTEGER
from perdure.contract.model import Model
from perdure.contract.name import RESULT_CANCELED


def _not_canceled(code: str) -> str:
    # The record takes a failure with this code for a step that was stopped with its job.
    if code == RESULT_CANCELED:
        raise ValueError(f"{RESULT_CANCELED} is for jobs that were canceled; choose another code")
    return code


class FailParams(Model):
    """Fails with `code`, `class` and `message`, for the first `times` attempts of all rounds (absent: always)."""

    model_config = ConfigDict(populate_by_name=False)

    code: Annotated[
        str,
        StringConstraints(pattern=ERROR_CODE_FORM, max_length=100),
        AfterValidator(_not_canceled),
    ] = "STEP.FAILED"
    error_class: Literal["TRANSIENT", "PERMANENT", "THROTTLED", "TIMEOUT", "LOST", "INTERNAL"] = Field(
        "PERMANENT", alias="class"
    )
    message: Annotated[str, StringConstraints(max_length=1_000)] = "the step was asked to fail"
    times: int | None = Field(None, ge=0, le=MAX_SAFE_INTEGER)
