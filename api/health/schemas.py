"""What the probes answer."""

from typing import Literal

from pydantic import BaseModel


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class PartView(BaseModel):
    """One thing the API needs. `error` and `latency_ms` are told to those with a key."""

    name: Literal["temporal", "postgres"]
    status: Literal["ok", "error"]
    latency_ms: int | None = None
    error: str | None = None


class Readiness(BaseModel):
    """Whether requests can be served; `status` is `ok` only if every part is."""

    status: Literal["ok", "error"]
    checks: list[PartView]


class Info(BaseModel):
    """What this is."""

    name: str
    version: str
    api_version: str
    server_time: str
