"""The projection for the clients: what the API answers about it, and the requests, as data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from perdure.client.answer import Answer
from perdure.client.call import Call, body
from perdure.client.view import View

_PATH = "/v1/projection"


class Finding(View):
    """Something that is not as the histories have it."""

    kind: str
    job_id: str
    table: str | None = None
    row: str | None = None
    columns: list[str] = Field(default_factory=list)
    problem: str | None = None


class Counts(View):
    """Jobs, by what was found."""

    jobs: int = 0
    runs: int = 0
    drifted: int = 0
    mended: int = 0
    moving: int = 0
    unreadable: int = 0
    unknown: int = 0


class Operation(View):
    """A check or a rebuild."""

    id: str
    kind: str
    status: str
    counts: Counts = Counts()
    rows: dict[str, int] = Field(default_factory=dict)
    findings: list[Finding] = Field(default_factory=list)
    digest: str | None = None
    problem: str | None = None
    finished_at: datetime | None = None

    @property
    def well(self) -> bool:
        """Whether it ended and the tables are now as the histories have them, as far as it saw."""
        left = self.counts.drifted - self.counts.mended
        return self.status == "COMPLETED" and not (self.counts.unreadable or self.counts.unknown) and left <= 0


class Projection(View):
    """How the tables stand to the histories; the newest operations."""

    complete_until: datetime | None = None
    operations: list[Operation] = Field(default_factory=list)


def projection() -> Call[Projection]:
    """How it stands."""
    return Call("GET", _PATH, Answer.reader(Projection))


def start(verb: str, *, reason: str | None = None, job_ids: Sequence[str] = ()) -> Call[Operation]:
    """Ask for a `check` or a `rebuild` of these jobs, or of all."""
    fields: dict[str, Any] = {"reason": reason, "job_ids": list(job_ids) or None}
    content = body({name: value for name, value in fields.items() if value is not None})
    return Call("POST", f"{_PATH}/{verb}", Answer.reader(Operation), content=content)
