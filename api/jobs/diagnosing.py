"""Reads what a diagnosis is made of, and puts it together; used by the routes that show one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from api.jobs.diagnosis import diagnosis_of, error_of
from api.jobs.diagnosis_schemas import DiagnosisView, FailureView, JobDiagnosisView, TimedAttemptView
from api.jobs.failing import Failure, fails_in_items, failures_of
from api.jobs.reading import Reading, read_job
from api.jobs.schemas import ProjectionView
from api.jobs.view import Linker, attempt_view, error_view, journal_entry
from api.state import Services
from perdure.contract.error import normalise
from perdure.contract.state import StepStatus
from perdure.projection.record import ItemRecord, JobRecord, StepAttempt, StepRecord
from perdure.security.principal import Principal
from perdure.store.diagnosis import FailureContext, failure_context
from perdure.store.item import list_items
from perdure.store.session import StoreUnavailableError

MOST_FAILURES = 20
"""That a diagnosis shows; the items of a step are a list of their own."""
_ITEMS_LOOKED_AT = 100
"""Running items, in order, among which those that are tried again are looked for."""
_FAILED_ITEMS = (StepStatus.DEAD_LETTERED, StepStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """A job, what fails of it, and what surrounds the first of that."""

    reading: Reading
    failures: Sequence[Failure]
    context: FailureContext

    @property
    def diagnosis(self) -> DiagnosisView:
        """The short of it."""
        return diagnosis_of(self.reading.job, self.failures, self.context)


async def read_diagnosed(found: Services, principal: Principal, job_id: str, around: int) -> Diagnosed:
    """Read a job and what surrounds its failure; while Postgres is away what Temporal tells, without surroundings.

    Args:
        found: the application's services.
        principal: who asks.
        job_id: the job.
        around: journal events before and after the failure.

    Raises:
        ApiError: API.NOT_FOUND.
        TemporalUnavailableError: Temporal had to be asked and is away.
    """
    reading = await read_job(found, principal, job_id)
    try:
        async with found.store.transaction() as connection:
            return await diagnosed(connection, reading, around)
    except StoreUnavailableError:
        return Diagnosed(reading, failures_of(reading.job, {}), FailureContext())


async def diagnosed(connection: AsyncConnection, reading: Reading, around: int = 0) -> Diagnosed:
    """The same of a job that was read: a handful of indexed queries, whatever the job's size."""
    job = reading.job
    items = {step.id: await _failing_items(connection, job, step.id) for step in job.steps if fails_in_items(step)}
    failures = failures_of(job, items)
    first = failures[0] if failures else None
    error = error_of(job, first)
    context = await failure_context(
        connection, job, first.unit if first else None, error.fingerprint if error else None, around
    )
    return Diagnosed(reading, failures[:MOST_FAILURES], context)


async def _failing_items(connection: AsyncConnection, job: JobRecord, step_id: str) -> list[ItemRecord]:
    failed = await list_items(connection, job.id, step_id, statuses=_FAILED_ITEMS, after=-1, limit=MOST_FAILURES)
    if failed is not None and failed.items:
        return failed.items
    open_ = (StepStatus.RUNNING,)
    running = await list_items(connection, job.id, step_id, statuses=open_, after=-1, limit=_ITEMS_LOOKED_AT)
    seen = running.items if running else []
    return [item for item in seen if item.status is StepStatus.RETRYING][:MOST_FAILURES]


def job_diagnosis(found: Diagnosed, linker: Linker) -> JobDiagnosisView:
    """What the route answers, payloads as they are: `payload` decides who sees them."""
    job = found.reading.job
    shown = {name: getattr(job, name) for name in JobDiagnosisView.model_fields if name in JobRecord.model_fields}
    return JobDiagnosisView(
        **shown,
        job_id=job.id,
        diagnosis=found.diagnosis,
        failures=[_failure(failure) for failure in found.failures],
        outputs={step.id: step.output for step in job.steps if _has_output(step)},
        events=[journal_entry(row) for row in found.context.events],
        links=linker.links(job),
        projection=ProjectionView(event_id=job.last_event_id, lag_ms=found.reading.lag_ms),
    )


def _has_output(step: StepRecord) -> bool:
    """Whether later steps can see one; null may be one."""
    return step.output is not None or step.status is StepStatus.COMPLETED


def _failure(failure: Failure) -> FailureView:
    record, error = failure.record, failure.error
    return FailureView(
        unit=str(failure.unit),
        step_id=failure.unit.step,
        type=failure.step_type,
        status=record.status,
        round=record.round,
        since=failure.since,
        error=error_view(error),
        normalised_message=error and normalise(error.message),
        attempt_count=record.attempt_count,
        attempts=[_attempt(attempt) for attempt in record.attempts],
    )


def _attempt(attempt: StepAttempt) -> TimedAttemptView:
    return TimedAttemptView(
        **dict(attempt_view(attempt)),
        duration_ms=_milliseconds(attempt.started_at, attempt.ended_at),
        backoff_ms=_milliseconds(attempt.ended_at, attempt.next_retry_at),
    )


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(0, round((end - start).total_seconds() * 1000))
