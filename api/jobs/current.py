"""A job as it stands at the moment somebody decides about it: the current run as Temporal tells it, no more."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio.service import RPCError, RPCStatusCode

from api.jobs.reading import ABSENT, current_run, not_found
from api.problem import ApiError
from api.state import Services
from api.temporal_call import temporal_call
from perdure.contract.journal import JournalType
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection.fold import fold_run, record
from perdure.projection.reader import read_new
from perdure.projection.record import JobRecord
from perdure.security.principal import Principal
from perdure.store.job import get_job
from perdure.store.session import StoreUnavailableError

_SECONDS = 20.0
"""A history may be long."""


@dataclass(frozen=True, slots=True)
class Current:
    """`newest`: of each type the newest journal row of this run, by its key. `held`: Temporal has the history."""

    job: JobRecord
    newest: Mapping[JournalType, str] = field(default_factory=dict)
    held: bool = True

    @property
    def may_be_parked(self) -> bool:
        """Whether a step, an item or a compensation is parked now; a pause can hide that of a compensation."""
        parked = any(step.status is StepStatus.DEAD_LETTERED for step in self.job.steps)
        return parked or self.job.status in (JobStatus.DEAD_LETTERED, JobStatus.PAUSED)


async def read_current(found: Services, principal: Principal, job_id: str) -> Current:
    """The job now. Of one that Temporal no longer holds, what the store knows.

    Raises:
        ApiError: API.NOT_FOUND, also for a job of another tenant.
        TemporalUnavailableError: Temporal is away.
    """
    try:
        async with temporal_call(_SECONDS):
            run_id = await current_run(found, principal, job_id)
            state, journal = fold_run(job_id, run_id, await read_new(found.temporal, job_id, run_id))
    except RPCError as error:
        if error.status not in ABSENT:
            raise
        return Current(await _stored(found, principal, job_id), held=False)
    return Current(record(state), {row.type: row.key for row in journal})


def check_open(job: JobRecord) -> None:
    """Refuse a decision about a job that has ended.

    Raises:
        ApiError: API.JOB_CLOSED.
    """
    if job.status.final:
        message = f"job {job.id} is {job.status} ({job.status_reason}): nothing can be decided about it any more"
        raise ApiError("API.JOB_CLOSED", message)


async def gone(found: Services, principal: Principal, job_id: str, error: RPCError) -> Exception:
    """What to answer when the job ended, or went, between looking and deciding."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        return error
    job = (await read_current(found, principal, job_id)).job
    message = f"job {job.id} is {job.status}: nothing can be decided about it any more"
    return ApiError("API.JOB_CLOSED", message) if job.status.final else not_found()


async def _stored(found: Services, principal: Principal, job_id: str) -> JobRecord:
    """A job whose history is gone: only one that has ended can be so."""
    try:
        async with found.store.transaction() as connection:
            job = await get_job(connection, job_id, principal.scope)
    except StoreUnavailableError as error:
        raise not_found() from error
    if job is None or not job.status.final:
        raise not_found()
    return job
