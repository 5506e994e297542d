"""The base of every model that crosses a boundary (HTTP, Temporal payload, heartbeat); used everywhere."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Model(BaseModel):
    """Frozen and strict: unknown fields are refused, `"5"` is not 5."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Message(Model):
    """What parts of Perdure send each other: a field a newer version added is ignored by an older one."""

    model_config = ConfigDict(extra="ignore")


def first_problem(error: ValidationError) -> str:
    """Where the first thing that is wrong stands, and what it is: `$.steps: Input should be a valid list`."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(['$', *(str(part) for part in first['loc'])])}: {first['msg']}"
