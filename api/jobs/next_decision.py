"""The decisions that a job's state allows now, for its diagnosis; pure."""

from collections.abc import Iterator

from api.jobs.diagnosis_schemas import NextView
from api.jobs.failing import Failure
from perdure.contract.error import ErrorClass
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.fold.phrase import one_unit
from perdure.projection.record import JobRecord
from perdure.security.role import Role

_EFFECT_UNKNOWN = "STEP.EFFECT_UNKNOWN"


def next_decisions(job: JobRecord, job_path: str, failure: Failure | None) -> list[NextView]:
    """What can be done about the job, the likeliest first."""
    return [
        NextView(action=action, request=f"POST {_path(job_path, action)}", role=role, what=what)
        for action, role, what in _allowed(job, failure)
    ]


def _path(job_path: str, action: str) -> str:
    parked = action in ("retry", "skip", "discard")
    return f"{job_path.replace('/v1/jobs/', '/v1/dead-letters/', 1) if parked else job_path}/{action}"


def _allowed(job: JobRecord, failure: Failure | None) -> Iterator[tuple[str, Role, str]]:
    if job.status.final:
        if job.status is not JobStatus.COMPLETED:
            yield "resubmit", Role.OPERATOR, "start a new job that does it again, perhaps with another input"
        return
    if job.status is JobStatus.PAUSED:
        yield "resume", Role.OPERATOR, "let it go on"
    if failure is not None and failure.record.status is StepStatus.DEAD_LETTERED:
        yield from _about_parked(failure)
    if job.status is JobStatus.WAITING:
        yield from _about_waiting(job)
    if job.status in (JobStatus.RUNNING, JobStatus.RETRYING, JobStatus.QUEUED, JobStatus.SCHEDULED):
        yield "pause", Role.OPERATOR, "start no further step or attempt until it is resumed"
    yield "cancel", Role.OPERATOR, "ask it to end; what completed is compensated"


def _about_parked(failure: Failure) -> Iterator[tuple[str, Role, str]]:
    yield "retry", Role.OPERATOR, _retry(failure)
    yield "skip", Role.OPERATOR, f"let {_named(failure)} count as done, with an output that you give"
    yield "discard", Role.OPERATOR, "give the job up: what completed is compensated, then it ends FAILED"


def _retry(failure: Failure) -> str:
    what = f"run {_named(failure)} again; completed steps are kept"
    error = failure.error
    if error is not None and error.code == _EFFECT_UNKNOWN:
        return f"{what}. Needs `force` and a reason: its last attempt may have taken effect"
    if error is not None and error.error_class is ErrorClass.PERMANENT:
        return f"{what}. As it stands it will most likely fail again: mend the cause, or send a `patch`"
    return what


def _named(failure: Failure) -> str:
    named = one_unit(failure.unit)
    return f"the compensation of {named}" if failure.unit.compensates else named


def _about_waiting(job: JobRecord) -> Iterator[tuple[str, Role, str]]:
    kinds = {step.waiting_for.kind for step in job.steps if step.waiting_for is not None}
    if "APPROVAL" in kinds:
        yield "approve", Role.OPERATOR, "approve or reject what waits for approval"
    if "WAIT" in kinds:
        yield "deliver", Role.OPERATOR, "hand over the payload that is waited for"
