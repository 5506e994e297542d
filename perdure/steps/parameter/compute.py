"""Parameters of `COMPUTE`: as clients write them, and as the workflow hands them to the activity."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from perdure.contract.model import Model

Algorithm = Literal["sha256", "sha384", "sha512", "sha3_256", "blake2b"]


class ComputeParams(Model):
    """What clients write: a CEL `expression` (bare, or as one `${ }`), or `operation: hash` with a `value`.

    The hash is over the bytes of a string, or over the canonical JSON (RFC 8785) of any other value.
    """

    expression: Annotated[str, StringConstraints(min_length=1)] | None = None
    operation: Literal["hash"] | None = None
    value: Any = None
    algorithm: Algorithm = "sha256"

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.expression is None) == (self.operation is None):
            raise PydanticCustomError(
                "exclusive_fields",
                "give either expression or operation",
                {"fields": ["expression", "operation"]},
            )
        if self.operation is not None and "value" not in self.model_fields_set:
            raise PydanticCustomError("missing_value", "operation needs a value", {"fields": ["operation"]})
        return self


class ComputeCall(ComputeParams):
    """What the activity gets: the expression as written, and the values of the `roots` it names."""

    roots: dict[str, Any] = Field(default_factory=dict)
