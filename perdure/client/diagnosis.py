"""Why a job is as it is, for the clients: what the API answers, and the request, as data."""

from datetime import datetime

from pydantic import Field

from perdure.client.answer import Answer
from perdure.client.call import Call, job_path, query_params
from perdure.client.view import Attempt, Error, JournalEntry, View


class Seen(View):
    """In how many jobs failures with this fingerprint were seen. `capped`: at least."""

    last_hour: int
    last_day: int
    total: int
    first_at: datetime | None = None
    last_at: datetime | None = None
    capped: bool = False


class Tried(View):
    """A round of attempts: who asked for it, and what came of it."""

    round: int
    by: str | None = None
    at: datetime | None = None
    reason: str | None = None
    patched: bool = False
    attempts: int = 0
    duration_ms: int | None = None
    result: str = ""
    code: str | None = None


class Next(View):
    """A decision that is possible now. `request` is its method and path."""

    action: str
    request: str = ""
    role: str = ""
    what: str = ""


class Diagnosis(View):
    """The short of it. Where nothing failed, `what` says how the job does."""

    what: str
    since: datetime | None = None
    unit: str | None = None
    failing: int = 0
    code: str | None = None
    error_class: str | None = Field(None, alias="class")
    message: str | None = None
    fingerprint: str | None = None
    title: str | None = None
    remedy: str | None = None
    seen: Seen | None = None
    tried: list[Tried] = Field(default_factory=list)
    next: list[Next] = Field(default_factory=list)


class Failure(View):
    """A step, an item or a compensation that failed or is tried again."""

    unit: str
    type: str = ""
    status: str
    error: Error | None = None
    attempt_count: int = 0
    attempts: list[Attempt] = Field(default_factory=list)


class JobDiagnosis(View):
    """A job's failures with what surrounds them."""

    job_id: str
    name: str = ""
    status: str
    diagnosis: Diagnosis
    failures: list[Failure] = Field(default_factory=list)
    events: list[JournalEntry] = Field(default_factory=list)
    trace_id: str | None = None
    links: dict[str, str | None] = Field(default_factory=dict)


def diagnose(job_id: str, *, events: int | None = None) -> Call[JobDiagnosis]:
    """Why a job is as it is. `events`: journal events before the failure, and after it."""
    path = f"{job_path(job_id)}/diagnosis"
    return Call("GET", path, Answer.reader(JobDiagnosis), query_params({"events": events}))
