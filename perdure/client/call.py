"""Every request the client can make, as data: method, path, parameters and how to read the answer.

Both clients send these; nothing here touches the network.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from perdure.client.answer import Answer
from perdure.client.error import UnsendableError
from perdure.client.view import Batch, DryRun, Job, JobPage, JournalPage, Submission
from perdure.contract.spec import JobSpec

T = TypeVar("T")
Spec = Mapping[str, Any] | JobSpec | bytes


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request; `read` turns a successful answer into a `T`."""

    method: str
    path: str
    read: Callable[[Answer], T]
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


def submit(spec: Spec, *, idempotency_key: str | None = None) -> Call[Submission]:
    """Submit a job. `spec` is a mapping, a `JobSpec`, or the JSON text itself, sent as it is.

    Raises:
        UnsendableError: the spec is not JSON (NaN, a lone surrogate, an object that JSON does not have).
    """
    return Call("POST", "/v1/jobs", read_submission, (), key_header(idempotency_key), body(spec))


def submit_batch(specs: Sequence[Mapping[str, Any] | JobSpec]) -> Call[Batch]:
    """Submit up to 1,000 jobs, each with its key as `id`; raises as `submit`."""
    sent = [_document(spec) for spec in specs]
    return Call("POST", "/v1/jobs/batch", Answer.reader(Batch), content=body({"jobs": sent}))


def dry_run(spec: Spec, *, idempotency_key: str | None = None) -> Call[DryRun]:
    """Only ask whether a spec would be accepted; raises as `submit`."""
    params = [("dry_run", "true")]
    return Call("POST", "/v1/jobs", Answer.reader(DryRun), params, key_header(idempotency_key), body(spec))


def get_job(job_id: str, *, strong: bool = False) -> Call[Job]:
    """The whole view of one job; `strong` asks Temporal instead of the projection."""
    params = [("consistency", "strong")] if strong else []
    return Call("GET", job_path(job_id), Answer.reader(Job), params)


class JobQuery(TypedDict, total=False):
    """What a list of jobs is narrowed to, and its order. Labels are all required; states are alternatives.

    `since` and `until` are RFC 3339 times of the submission, `q` words of name, labels and error, `sort` one of
    `created_at`, `completed_at`, `execution_ms`, with `-` before it for the last or longest first.
    """

    status: Sequence[str]
    type: str
    labels: Mapping[str, str]
    correlation_id: str
    queue: str
    trace_id: str
    submitted_by: str
    parent: str
    since: str
    until: str
    error_code: str
    fingerprint: str
    q: str
    sort: str
    limit: int
    cursor: str | None


def list_jobs(**query: Unpack[JobQuery]) -> Call[JobPage]:
    """One page of jobs, newest first where no order is asked for."""
    params = [("status", one) for one in query.get("status", ())]
    params += [("label", f"{key}={value}") for key, value in query.get("labels", {}).items()]
    single = {name: value for name, value in query.items() if name not in ("status", "labels")}
    return Call("GET", "/v1/jobs", Answer.reader(JobPage), [*params, *query_params(single)])


def journal(job_id: str, *, limit: int | None = None, cursor: str | None = None) -> Call[JournalPage]:
    """One page of what happened to a job, oldest first."""
    params = query_params({"limit": limit, "cursor": cursor})
    return Call("GET", f"{job_path(job_id)}/journal", Answer.reader(JournalPage), params)


def key_header(idempotency_key: str | None) -> dict[str, str]:
    """The header of a client's key, if there is one."""
    return {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}


def query_params(values: Mapping[str, object]) -> list[tuple[str, str]]:
    """The query parameters that have a value."""
    return [(name, str(value)) for name, value in values.items() if value is not None]


def job_path(job_id: str) -> str:
    """The path of a job in the API."""
    return "/v1/jobs/" + quote(job_id, safe=":~", errors="backslashreplace")


def read_submission(answer: Answer) -> Submission:
    """The job that a submission led to."""
    replayed = answer.headers.get("idempotent-replayed", "").lower() == "true"
    return Submission(job=answer.model(Job), replayed=replayed)


def body(value: Spec) -> bytes:
    """The value as JSON text; bytes are taken to be that already.

    Raises:
        UnsendableError: it is not JSON.
    """
    if isinstance(value, bytes):
        return value
    try:
        return json.dumps(_document(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError) as error:
        raise UnsendableError(f"what was to be sent is not JSON: {error}") from error


def _document(spec: Mapping[str, Any] | JobSpec) -> Mapping[str, Any]:
    return spec.model_dump(mode="json", by_alias=True, exclude_unset=True) if isinstance(spec, JobSpec) else spec
