"""Why a job is as it is, from its record and what surrounds the failure; pure. Used wherever a diagnosis is shown."""

from collections.abc import Iterator, Sequence

from api.jobs.diagnosis_schemas import DiagnosisView, SeenView, TryView
from api.jobs.failing import Failure, failing_count
from api.jobs.next_decision import next_decisions
from api.jobs.view import job_path
from perdure.contract.code import CODES
from perdure.contract.error import ErrorInfo, normalise
from perdure.contract.identifier import UnitId
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.fold.phrase import one_unit
from perdure.projection.record import JobRecord, JournalEvent, StepAttempt
from perdure.store.diagnosis import FailureContext

_MOST_TRIES = 20
_ENDED_BADLY = frozenset({JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.TERMINATED, JobStatus.CANCELED})


def diagnosis_of(job: JobRecord, failures: Sequence[Failure], context: FailureContext) -> DiagnosisView:
    """The diagnosis. `failures` are those of `api.jobs.failing`; what is told is the first of them."""
    first = failures[0] if failures else None
    error = error_of(job, first)
    known = CODES.get(error.code) if error else None
    return DiagnosisView(
        what=_what(job, first),
        since=(first.since if first else None) or context.failed_at or (job.completed_at if error else None),
        unit=first and str(first.unit),
        step_id=first and first.unit.step,
        step_type=first and first.step_type,
        failing=failing_count(job),
        code=error and error.code,
        error_class=error and error.error_class.value,
        fingerprint=error and error.fingerprint,
        message=error and error.message,
        normalised_message=error and normalise(error.message),
        title=known and known.title,
        remedy=known and known.remedy,
        seen=context.seen and SeenView(**{name: getattr(context.seen, name) for name in SeenView.model_fields}),
        tried=list(_tries(job, first, context.retries))[-_MOST_TRIES:] if first else [],
        next=next_decisions(job, job_path(job.id), first),
    )


def error_of(job: JobRecord, failure: Failure | None) -> ErrorInfo | None:
    """What the diagnosis is about: the failure's error, or the one that the job itself ended with."""
    return failure.error if failure else job.error


def _what(job: JobRecord, failure: Failure | None) -> str:
    if failure is None:
        said = f"the job is {job.status}"
        return f"{said}: {job.status_reason}" if job.status_reason else said
    unit = f"{'the compensation of ' if failure.unit.compensates else ''}{one_unit(failure.unit)}"
    return f"{unit} ({failure.step_type}) {_how(failure)}{_others(job)}{_end(job)}"


def _how(failure: Failure) -> str:
    tries = sum(_attempts(round_) for round_ in _by_round(failure.record.attempts).values())
    after = f" after {tries} {'attempt' if tries == 1 else 'attempts'}" if tries else ""
    match failure.record.status:
        case StepStatus.DEAD_LETTERED:
            return f"is parked{after}"
        case StepStatus.RETRYING:
            return f"fails and is tried again{after}"
        case StepStatus.FAILED:
            return f"failed{after}"
        case _:
            return f"failed{after} and was given up"


def _others(job: JobRecord) -> str:
    more = failing_count(job) - 1
    return f" (and {more} more {'fails' if more == 1 else 'fail'})" if more > 0 else ""


def _end(job: JobRecord) -> str:
    if job.status not in _ENDED_BADLY:
        return ""
    return f"; the job ended {job.status}{f' ({job.resolution})' if job.resolution else ''}"


def _tries(job: JobRecord, failure: Failure, retries: Sequence[JournalEvent]) -> Iterator[TryView]:
    rounds, record = _by_round(failure.record.attempts), failure.record
    asked = _asked(failure.unit, retries)
    for number in sorted({*rounds, *asked, record.round}):
        request, attempts = asked.get(number), rounds.get(number, [])
        newest = number == record.round
        error = next((attempt.error for attempt in reversed(attempts) if attempt.error), None)
        error = error or (failure.error if newest else None)
        data = request.data if request else {}
        yield TryView(
            round=number,
            by=request.actor if request else job.submitted_by if number == 1 else None,
            at=request.at if request else job.created_at if number == 1 else None,
            reason=data.get("reason"),
            via=data.get("via"),
            patched=failure.unit.step in (data.get("patched") or ()),
            attempts=_attempts(attempts),
            duration_ms=_duration(attempts),
            # Only what was parked begins another round.
            result=record.status if newest else StepStatus.DEAD_LETTERED,
            code=error and error.code,
        )


def _asked(unit: UnitId, retries: Sequence[JournalEvent]) -> dict[int, JournalEvent]:
    """The retry requests that began a round of the unit; an item's rounds may have begun with its step's."""
    found = {}
    for request in retries:
        rounds = request.data.get("rounds")
        begun = rounds.get(str(unit), rounds.get(unit.step)) if isinstance(rounds, dict) else None
        if isinstance(begun, int):
            found[begun] = request
    return found


def _by_round(attempts: Sequence[StepAttempt]) -> dict[int, list[StepAttempt]]:
    rounds: dict[int, list[StepAttempt]] = {}
    for attempt in attempts:
        rounds.setdefault(attempt.round, []).append(attempt)
    return rounds


def _attempts(attempts: Sequence[StepAttempt]) -> int:
    """How many were made, those that are not kept included."""
    return max((attempt.attempt for attempt in attempts), default=0)


def _duration(attempts: Sequence[StepAttempt]) -> int | None:
    """From the start of the first to the end of the last, in ms; None while one runs, or where it is not known."""
    started = [attempt.started_at for attempt in attempts if attempt.started_at is not None]
    if not attempts or not started or attempts[-1].ended_at is None:
        return None
    return max(0, round((attempts[-1].ended_at - min(started)).total_seconds() * 1000))
