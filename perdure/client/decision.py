"""Decisions about jobs for the clients, as data: stop, pause, retry, skip, discard, deliver, approve, do again."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack
from urllib.parse import quote

from perdure.client.answer import Answer
from perdure.client.call import Call, body, job_path, key_header, read_submission
from perdure.client.view import Decision, Submission

Patch = Mapping[str, Mapping[str, Any]]
Verdict = Literal["approve", "reject"]


class Why(TypedDict, total=False):
    """Why it is decided so; for the journal."""

    reason: str | None


class Decided(Why, total=False):
    """Under the same `idempotency_key` the same decision is taken once, however often it is sent."""

    idempotency_key: str | None


class Again(TypedDict, total=False):
    """What runs again: all that is parked, `steps` (`fetch`, `fetch.7`, `fetch.compensate`), or `from_step` and after.

    `patch` replaces fields of `with` by step id. `force`, with a reason, repeats an `at_most_once` step that may have
    taken effect.
    """

    steps: Sequence[str]
    from_step: str | None
    patch: Patch | None
    force: bool
    idempotency_key: str | None


class Retried(Again, Why, total=False):
    """What runs again, and why."""


class Resubmitted(Decided, total=False):
    """`from_step`: begin there, with the outputs of the steps before; `input`: instead of the original's (also null).

    `idempotency_key` becomes the key of the new job.
    """

    from_step: str | None
    input: Any


def cancel(job_id: str, **why: Unpack[Why]) -> Call[Decision]:
    """Ask a job to stop; it ends CANCELED once its running steps have let go."""
    return _decision(f"{job_path(job_id)}/cancel", why)


def terminate(job_id: str, **why: Unpack[Why]) -> Call[Decision]:
    """End a job at once (admins only); no step is asked to stop, nothing is compensated."""
    return _decision(f"{job_path(job_id)}/terminate", why)


def pause(job_id: str, **options: Unpack[Decided]) -> Call[Decision]:
    """Start no further step of a job until it is resumed; what runs finishes."""
    return _decision(f"{job_path(job_id)}/pause", options)


def resume(job_id: str, **options: Unpack[Decided]) -> Call[Decision]:
    """Let a paused job go on."""
    return _decision(f"{job_path(job_id)}/resume", options)


def retry(job_id: str, **options: Unpack[Retried]) -> Call[Decision]:
    """Run parked steps of a dead-lettered job again. Completed steps stay."""
    return _decision(f"{job_path(job_id)}/retry", _retried(options))


def deliver(job_id: str, name: str, payload: Any = None, **options: Unpack[Decided]) -> Call[Decision]:
    """Hand a payload to the `WAIT` step that waits, or will wait, for `name`."""
    return _decision(f"{job_path(job_id)}/deliver", options, name=name, payload=payload)


def approve(
    job_id: str, decision: Verdict = "approve", *, step: str | None = None, **options: Unpack[Decided]
) -> Call[Decision]:
    """Approve or reject an `APPROVAL` step: `step`, or the one that waits."""
    named = {} if step is None else {"step": step}
    return _decision(f"{job_path(job_id)}/approve", options, decision=decision, **named)


def resubmit(job_id: str, **options: Unpack[Resubmitted]) -> Call[Submission]:
    """Start a new job that does a closed one again."""
    sent = _given({name: value for name, value in options.items() if name not in ("idempotency_key", "input")})
    if "input" in options:
        sent["input"] = options["input"]
    headers = key_header(options.get("idempotency_key"))
    return Call("POST", f"{job_path(job_id)}/resubmit", read_submission, (), headers, body(sent))


def retry_dead_letter(job_id: str, reason: str, **options: Unpack[Again]) -> Call[Decision]:
    """As `retry`, but never without a reason."""
    return _decision(f"{_parked_path(job_id)}/retry", {**_retried(options), "reason": reason})


def skip(job_id: str, step: str, output: Any, reason: str, *, idempotency_key: str | None = None) -> Call[Decision]:
    """Let a parked step count as done with `output`."""
    given = {"reason": reason, "idempotency_key": idempotency_key}
    return _decision(f"{_parked_path(job_id)}/skip", given, step=step, output=output)


def discard(job_id: str, reason: str, *, idempotency_key: str | None = None) -> Call[Decision]:
    """Give a parked job up: what completed is compensated, then it ends FAILED."""
    given = {"reason": reason, "idempotency_key": idempotency_key}
    return _decision(f"{_parked_path(job_id)}/discard", given)


def _retried(options: Again) -> dict[str, Any]:
    sent: dict[str, Any] = {**options, "steps": list(options.get("steps", ())) or None}
    return {**sent, "force": options.get("force") or None}


def _decision(path: str, options: Mapping[str, Any], **fields: Any) -> Call[Decision]:
    """Options that are None are left out; `fields` are sent as they are, null too."""
    sent = {**_given({name: value for name, value in options.items() if name != "idempotency_key"}), **fields}
    headers = key_header(options.get("idempotency_key"))
    return Call("POST", path, Answer.reader(Decision), (), headers, body(sent))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _parked_path(job_id: str) -> str:
    return "/v1/dead-letters/" + quote(job_id, safe=":~", errors="backslashreplace")
