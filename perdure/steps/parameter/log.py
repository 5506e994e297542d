"""Parameters of `LOG`."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from perdure.contract.model import Model


class LogParams(Model):
    """One structured log line of the worker. `fields` are added to it under their own names."""

    message: Annotated[str, StringConstraints(max_length=10_000)]
    level: Literal["debug", "info", "warning", "error"] = "info"
    fields: dict[Annotated[str, StringConstraints(min_length=1, max_length=100)], Any] = Field(
        default_factory=dict, max_length=100
    )
