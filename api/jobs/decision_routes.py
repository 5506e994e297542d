"""The routes that decide about a job; each decision reaches Temporal with its actor and reason."""

from fastapi import APIRouter, Depends

from api.body import OptionalJsonBody
from api.idempotency_key import IdempotencyKey
from api.jobs import decision, operation
from api.jobs.reading import lag_of, read_from_temporal
from api.jobs.schemas import CancelRequest, DecisionView, RetryRequest
from api.jobs.target import JobId
from api.jobs.view import Linker, whole
from api.query import NoQuery, only
from api.security import Operator, authenticate
from api.state import Services, UseServices
from perdure.admission.structure import read_model
from perdure.security.principal import Principal

router = APIRouter(
    prefix="/v1/jobs/{job_id}",
    tags=["decisions"],
    dependencies=[Depends(authenticate), Depends(only(NoQuery))],
)


@router.post("/cancel", status_code=202, operation_id="cancelJob", **operation.CANCEL)
async def cancel_job(found: UseServices, principal: Operator, job_id: JobId, body: OptionalJsonBody) -> DecisionView:
    """Ask a job to end. Durable: it takes effect also when no worker is up now. Running steps are asked to stop."""
    wanted = await body.through(lambda document: read_model(CancelRequest, document))
    await decision.cancel(found, principal, job_id, wanted)
    return await _decided(found, principal, job_id, [])


@router.post("/retry", status_code=202, operation_id="retryJob", **operation.RETRY)
async def retry_job(
    found: UseServices,
    principal: Operator,
    job_id: JobId,
    body: OptionalJsonBody,
    key: IdempotencyKey,
) -> DecisionView:
    """Run parked steps of a dead-lettered job again, all or those named; completed steps are kept."""
    wanted = await body.through(lambda document: read_model(RetryRequest, document))
    steps = await decision.retry(found, principal, job_id, wanted, key)
    return await _decided(found, principal, job_id, steps)


async def _decided(found: Services, principal: Principal, job_id: str, steps: list[str]) -> DecisionView:
    job = await read_from_temporal(found, principal, job_id)
    return DecisionView(job_id=job_id, steps=steps, job=whole(job, lag_of(job), Linker.of(found.settings)))
