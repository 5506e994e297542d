"""The base of every model that crosses a boundary (HTTP, Temporal payload, heartbeat); used everywhere."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen and strict: unknown fields are refused, `"5"` is not 5."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Message(Model):
    """What parts of Perdure send each other: a field a newer version added is ignored by an older one."""

    model_config = ConfigDict(extra="ignore")
