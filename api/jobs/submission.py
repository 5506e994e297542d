"""Submitting a job: its key resolved and looked up, started or replayed (contract 5, architecture 4.1)."""

from dataclasses import dataclass

import structlog
import uuid_utils
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.context import RequestContext
from api.idempotency_key import HEADER
from api.jobs.reading import Reading, read_job
from api.jobs.start import StartRequest, memo_of, queued_job, start_job
from api.problem import ApiError
from api.state import Services
from api.temporal_call import TemporalUnavailableError
from perdure.admission.admission import Admitted, check_ids
from perdure.contract.identifier import job_id as job_id_of
from perdure.contract.name import MEMO_FINGERPRINT
from perdure.contract.state import JobStatus
from perdure.projection.record import JobRecord
from perdure.security.principal import Principal
from perdure.store.ledger import LedgerEntry, get_entry
from perdure.store.session import StoreUnavailableError

_log = structlog.get_logger("perdure.api")


@dataclass(frozen=True, slots=True)
class Submitted:
    """The job a submission led to; `replayed` where it was there before."""

    reading: Reading
    replayed: bool


def client_key(admitted: Admitted, header: str | None) -> str | None:
    """The key the client chose, by header or by the body's `id`.

    Raises:
        ApiError: API.IDEMPOTENCY_KEY_MISMATCH.
    """
    if header is not None and admitted.spec.id not in (None, header):
        message = f"{HEADER} is {header!r} and the body's id {admitted.spec.id!r}: send one, or both alike"
        raise ApiError("API.IDEMPOTENCY_KEY_MISMATCH", message)
    return header if header is not None else admitted.spec.id


async def submit(
    found: Services, principal: Principal, context: RequestContext, admitted: Admitted, key: str | None
) -> Submitted:
    """Start the job, or give the one that this key started before.

    Raises:
        AdmissionError: with this key the ids of dependents would be too long.
        ApiError: API.IDEMPOTENCY_KEY_REUSED, or API.LEDGER_UNAVAILABLE for a client's key.
        TemporalUnavailableError: nothing is acknowledged; the message says how to send it again.
    """
    job_id = job_id_of(principal.home, key or str(uuid_utils.uuid7()))
    check_ids(admitted, job_id)
    limits = found.settings.limits
    return await start_once(
        found, principal, StartRequest(job_id, principal.home, principal.actor, admitted, context, limits), key
    )


async def start_once(found: Services, principal: Principal, request: StartRequest, key: str | None) -> Submitted:
    """Start what was admitted, or give the job that the client's `key` started before; raises as `submit`."""
    job_id = request.job_id
    if key is not None and (entry := await _entry(found, job_id)) is not None:
        _check_same(request, entry.fingerprint)
        return Submitted(await _replayed(found, principal, request, entry), replayed=True)
    try:
        run_id = await start_job(found, request, tries=1 if key is not None else 2)
    except WorkflowAlreadyStartedError:
        _check_same(request, (await memo_of(found, job_id)).get(MEMO_FINGERPRINT))
        return Submitted(await read_job(found, principal, job_id), replayed=True)
    except TemporalUnavailableError as error:
        raise TemporalUnavailableError(_again(request, key)) from error
    job = queued_job(request, run_id)
    await _enter(found, job)
    found.first_rows.add(job)
    return Submitted(Reading(job), replayed=False)


def _again(request: StartRequest, key: str | None) -> str:
    sent = key or request.job_id.partition(":")[2]
    return (
        "Temporal cannot be reached now, and whether the job was started is not known."
        f" Send it again with {HEADER}: {sent}, so that it cannot start twice"
    )


def _check_same(request: StartRequest, fingerprint: object) -> None:
    if fingerprint != request.admitted.fingerprint:
        message = f"the key of job {request.job_id} was used for another spec: use a new key for a new job"
        raise ApiError("API.IDEMPOTENCY_KEY_REUSED", message)


async def _entry(found: Services, job_id: str) -> LedgerEntry | None:
    try:
        async with found.store.transaction() as connection:
            return await get_entry(connection, job_id)
    except StoreUnavailableError as error:
        message = (
            "whether this key was used before cannot be known while the ledger (Postgres) is away:"
            " nothing was started; send the same request again"
        )
        raise ApiError("API.LEDGER_UNAVAILABLE", message) from error


async def _replayed(found: Services, principal: Principal, request: StartRequest, entry: LedgerEntry) -> Reading:
    try:
        return await read_job(found, principal, request.job_id)
    except ApiError as error:
        if error.code != "API.NOT_FOUND":
            raise
    # Only the ledger still knows the job. The spec is the same, so most of it can be told all the same.
    job = queued_job(request, "", entry.submitted_at)
    ended = {"status": entry.outcome or JobStatus.QUEUED, "completed_at": entry.closed_at}
    return Reading(job.model_copy(update=ended | {"status_reason": "its history is not kept any more"}))


async def _enter(found: Services, job: JobRecord) -> None:
    """Enter the key in the ledger; the projector does so too, so that a failure here harms nobody."""
    try:
        await found.entries.enter(LedgerEntry(job.id, job.spec_fingerprint, job.created_at))
    except (TimeoutError, StoreUnavailableError) as error:
        _log.warning("the ledger entry is left to the projector", job_id=job.id, reason=str(error))
