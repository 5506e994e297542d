"""Parked and retrying jobs for the clients: what the API answers about them, and the requests, as data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

from pydantic import Field

from perdure.client.answer import Answer
from perdure.client.call import Call, body, key_header, query_params
from perdure.client.view import Attempt, Decision, Error, Job, Page, View

_PARKED, _RETRYING = "/v1/dead-letters", "/v1/retrying"


class ParkedUnit(View):
    """A parked step, item or compensation; `attempts` only where one job was asked for."""

    unit: str
    step_type: str = ""
    parked_at: datetime
    error: Error
    http_status: int | None = None
    force_required: bool = False
    runbook: str | None = None
    attempt_count: int | None = None
    attempts: list[Attempt] = Field(default_factory=list)


class DeadLetter(View):
    """A job with something parked."""

    id: str
    job: Job
    parked_at: datetime
    expires_at: datetime | None = None
    retention_left_ms: int | None = None
    parked_count: int
    parked: list[ParkedUnit]


class DeadLetterPage(View):
    """A page of them, the last parked first."""

    data: list[DeadLetter]
    page: Page = Page()


class Count(View):
    """How many were parked in the hour or day (UTC) that begins then."""

    at: datetime
    count: int


class JobType(View):
    """A type of the jobs that failed so: `count` units are parked, `resolved` were and are no more."""

    type: str
    count: int
    resolved: int = 0
    first_seen: datetime
    last_seen: datetime


class Group(View):
    """One kind of failure: what is parked with it, how many more were, and when."""

    fingerprint: str
    error: Error
    count: int
    jobs: int
    resolved: int = 0
    job_types: list[JobType] = Field(default_factory=list)
    first_seen: datetime
    last_seen: datetime
    hours: list[Count] = Field(default_factory=list)
    days: list[Count] = Field(default_factory=list)
    example: str
    runbook: str | None = None


class GroupPage(View):
    """A page of groups."""

    data: list[Group]
    page: Page = Page()


class RetryingUnit(View):
    """What failed and is attempted again."""

    unit: str
    attempt: int
    next_retry_at: datetime | None = None
    paused: bool = False
    error: Error


class RetryingJob(View):
    """A job that fails but lives."""

    id: str
    job: Job
    retrying: list[RetryingUnit]


class RetryingPage(View):
    """A page of them."""

    data: list[RetryingJob]
    page: Page = Page()


class ParkedQuery(TypedDict, total=False):
    """What lists of dead letters are narrowed to; labels are all required."""

    error_code: str | None
    error_class: str | None
    fingerprint: str | None
    http_status: int | None
    step: str | None
    type: str | None
    queue: str | None
    labels: Mapping[str, str]
    since: str | None
    until: str | None
    older_than: str | None
    younger_than: str | None
    q: str | None
    limit: int | None
    cursor: str | None


class GroupQuery(ParkedQuery, total=False):
    """What groups are narrowed to; `state`: PARKED, RESOLVED (nothing of it is parked any more) or ALL."""

    state: str | None


def list_dead_letters(**query: Unpack[ParkedQuery]) -> Call[DeadLetterPage]:
    """What is parked, by job."""
    return Call("GET", _PARKED, Answer.reader(DeadLetterPage), _params(query))


def list_groups(**query: Unpack[GroupQuery]) -> Call[GroupPage]:
    """What is parked, or was, by kind of failure."""
    return Call("GET", f"{_PARKED}/groups", Answer.reader(GroupPage), _params(query))


def get_dead_letter(job_id: str) -> Call[DeadLetter]:
    """One parked job with its full context."""
    return Call("GET", f"{_PARKED}/{_quoted(job_id)}", Answer.reader(DeadLetter))


class RetryingQuery(TypedDict, total=False):
    """What the list of retrying jobs is narrowed to; labels are all required."""

    error_code: str | None
    fingerprint: str | None
    type: str | None
    queue: str | None
    labels: Mapping[str, str]
    q: str | None
    limit: int | None
    cursor: str | None


def list_retrying(**query: Unpack[RetryingQuery]) -> Call[RetryingPage]:
    """Jobs that are being retried now."""
    return Call("GET", _RETRYING, Answer.reader(RetryingPage), _params(query))


def retry_now(
    job_id: str, reason: str, steps: Sequence[str] = (), *, idempotency_key: str | None = None
) -> Call[Decision]:
    """Begin the next attempt at once."""
    sent: dict[str, Any] = {"reason": reason} | ({"steps": list(steps)} if steps else {})
    path, headers = f"{_RETRYING}/{_quoted(job_id)}/now", key_header(idempotency_key)
    return Call("POST", path, Answer.reader(Decision), (), headers, body(sent))


def give_up(job_id: str, reason: str, steps: Sequence[str], *, idempotency_key: str | None = None) -> Call[Decision]:
    """Make no further attempt."""
    content = body({"reason": reason, "steps": list(steps)})
    path, headers = f"{_RETRYING}/{_quoted(job_id)}/give-up", key_header(idempotency_key)
    return Call("POST", path, Answer.reader(Decision), (), headers, content)


def _params(query: GroupQuery | ParkedQuery | RetryingQuery) -> list[tuple[str, str]]:
    labels = [("label", f"{key}={value}") for key, value in query.get("labels", {}).items()]
    return [*labels, *query_params({name: value for name, value in query.items() if name != "labels"})]


def _quoted(job_id: str) -> str:
    return quote(job_id, safe=":~", errors="backslashreplace")
