"""The routes that decide about a job; each decision reaches Temporal with its actor and reason."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, Depends, Request

from api.body import OptionalJsonBody
from api.context import RequestContext, context_of
from api.idempotency_key import IdempotencyKey
from api.jobs import decision, operation
from api.jobs.payload import shown_job
from api.jobs.queries import mark
from api.jobs.reading import read_from_temporal
from api.jobs.schemas import CancelRequest, DecisionView, RetryRequest
from api.jobs.target import JobId
from api.jobs.view import Linker
from api.query import NoQuery, only
from api.security import Operator, authenticate
from api.state import Services, UseServices
from perdure.admission.structure import read_model
from perdure.security.principal import Principal
from perdure.store.session import StoreUnavailableError

_MARK_SECONDS = 1.0

router = APIRouter(
    prefix="/v1/jobs/{job_id}",
    tags=["decisions"],
    dependencies=[Depends(authenticate), Depends(only(NoQuery))],
)


@router.post("/cancel", status_code=202, operation_id="cancelJob", **operation.CANCEL)
async def cancel_job(
    request: Request, found: UseServices, principal: Operator, job_id: JobId, body: OptionalJsonBody
) -> DecisionView:
    """Ask a job to end. Durable: it takes effect also when no worker is up now. Running steps are asked to stop."""
    wanted = await body.through(lambda document: read_model(CancelRequest, document))
    await decision.cancel(found, principal, job_id, wanted)
    return await _decided(found, principal, context_of(request), job_id, [])


@router.post("/retry", status_code=202, operation_id="retryJob", **operation.RETRY)
async def retry_job(
    request: Request,
    *,
    found: UseServices,
    principal: Operator,
    job_id: JobId,
    body: OptionalJsonBody,
    key: IdempotencyKey,
) -> DecisionView:
    """Run parked steps of a dead-lettered job again, all or those named; completed steps are kept."""
    wanted = await body.through(lambda document: read_model(RetryRequest, document))
    steps = await decision.retry(found, principal, job_id, wanted, key)
    return await _decided(found, principal, context_of(request), job_id, steps)


async def _decided(
    found: Services, principal: Principal, context: RequestContext, job_id: str, steps: list[str]
) -> DecisionView:
    await _mark(found, job_id)
    reading = await read_from_temporal(found, principal, job_id)
    job = shown_job(reading, Linker.of(found.settings), principal, context)
    return DecisionView(job_id=job_id, steps=steps, job=job)


async def _mark(found: Services, job_id: str) -> None:
    """So that the projection follows at once also when no worker serves the job; the sweep would see it later."""
    with suppress(TimeoutError, StoreUnavailableError):
        async with asyncio.timeout(_MARK_SECONDS), found.store.transaction() as connection:
            await mark(connection, job_id)
