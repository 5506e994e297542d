"""The base of every model that crosses a boundary (HTTP, Temporal payload, heartbeat); used everywhere."""

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from perdure.contract.field_message import field_message
from perdure.contract.wording import quoted


class Model(BaseModel):
    """Frozen and strict: unknown fields are refused, `"5"` is not 5."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Message(Model):
    """What parts of Perdure send each other: a field a newer version added is ignored by an older one."""

    model_config = ConfigDict(extra="ignore")


def first_problem(error: ValidationError) -> str:
    """Where the first thing that is wrong stands, and what it is, without values: `$.steps: must be a list, not null`.

    For payloads that programs send each other; `model_problem` tells people who sent a document all of it.
    """
    first = error.errors(include_url=False)[0]
    # A part with a bracket is a mark of pydantic's own: a member of a union, or a key.
    path = [part for part in first["loc"] if "[" not in str(part)]
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"${shown}: {_said(first, str(path[-1]) if path else '')}"


def _said(found: ErrorDetails, name: str) -> str:
    if found["type"] == "missing":
        return f"the field {quoted(name)} is required"
    if found["type"] == "extra_forbidden":
        return f"unknown field {quoted(name)}"
    return field_message([found], hide=True)[1]
