"""Names and values of span attributes that Perdure gives itself; used by everything here that makes spans."""

from collections.abc import Mapping
from datetime import datetime

from perdure.contract.identifier import tenant_of

Attributes = Mapping[str, str | int]

KEPT = "perdure.kept"
"""True on spans without an error of their own that are exported from unsampled traces too."""
LOST = "WORKER.LOST"
"""The error of an attempt whose worker is rarely there to tell it: the projector does."""
LONGEST = 1_000
"""Characters of what a person wrote."""


def told(**values: str | int | None) -> dict[str, str | int]:
    """Attributes, the fixed fields of contract 13 among them under their names; without those that do not apply."""
    job_id = values.get("job_id")
    if isinstance(job_id, str):
        values["tenant"] = tenant_of(job_id)
    return {
        name: value[:LONGEST] if isinstance(value, str) else value
        for name, value in values.items()
        if value is not None
    }


def failed(code: str | None, error_class: str | None) -> dict[str, str]:
    """What an error says of itself in a span. Never its message, which may quote payloads."""
    if code is None:
        return {}
    return {"error_code": code, "error.type": code, **({"error_class": error_class} if error_class else {})}


def nanoseconds(at: datetime) -> int:
    """A time as spans have it, exact to the microsecond."""
    seconds = int(at.timestamp())
    return seconds * 1_000_000_000 + at.microsecond * 1_000
