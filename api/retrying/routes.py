"""`/v1/retrying`: jobs that fail but live, apart from those that are parked; attempt it now, or no more."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.body import JsonBody
from api.dead_letters.read_schemas import ParkedErrorView
from api.idempotency_key import IdempotencyKey
from api.jobs.decider import UseDecider
from api.jobs.listing import read_labels, read_words
from api.jobs.schemas import DecisionView, PageView
from api.jobs.view import Linker, summary
from api.query import NoQuery, only
from api.retrying import operation
from api.retrying.schemas import (
    GiveUpRequest,
    RetryingPage,
    RetryingQuery,
    RetryingUnitView,
    RetryingView,
    RetryNowRequest,
)
from api.retrying.service import waiting
from api.security import Viewer, authenticate
from api.state import UseServices
from perdure.contract.command import GiveUpCommand, RetryNowCommand
from perdure.contract.runbook import runbook
from perdure.contract.state import JobStatus
from perdure.projection.record import LiveObservation
from perdure.store.job_filter import JobFilter
from perdure.store.job_search import list_jobs
from perdure.store.retrying import retrying_units

router = APIRouter(prefix="/v1/retrying", tags=["dead letters"], dependencies=[Depends(authenticate)])
decisions = APIRouter(
    prefix="/v1/retrying/{job_id}",
    tags=["dead letters"],
    dependencies=[Depends(authenticate), Depends(only(NoQuery))],
)


@router.get("", dependencies=[Depends(only(RetryingQuery))], operation_id="listRetrying", **operation.LIST)
async def list_retrying(
    found: UseServices, principal: Viewer, query: Annotated[RetryingQuery, Query()]
) -> RetryingPage:
    """Jobs that are RETRYING now, with what failed, how often, and when it is attempted next."""
    wanted = JobFilter(
        tenant=principal.scope,
        statuses=[JobStatus.RETRYING],
        types=() if query.type is None else (query.type,),
        queue=query.queue,
        labels=read_labels(query.label),
        error_code=query.error_code,
        fingerprint=query.fingerprint,
        words=read_words(query.q),
    )
    async with found.store.transaction() as connection:
        jobs, cursor = await list_jobs(connection, wanted, query.cursor, query.limit)
        units = await retrying_units(connection, jobs)
    linker = Linker.of(found.settings)
    data = [
        RetryingView(
            id=job.id, job=summary(job, job.lag_ms, linker), retrying=[_unit(one) for one in units.get(job.id, [])]
        )
        for job in jobs
    ]
    return RetryingPage(data=data, page=PageView(cursor=cursor, has_more=cursor is not None))


@decisions.post("/now", status_code=202, operation_id="retryNow", **operation.NOW)
async def retry_now(by: UseDecider, body: JsonBody, key: IdempotencyKey) -> DecisionView:
    """Begin the next attempt at once instead of waiting for it. Attempts are counted as ever."""
    wanted = await body.read(RetryNowRequest)
    steps = await waiting(by, wanted.steps)
    return await by.command(RetryNowCommand(actor=by.principal.actor, reason=wanted.reason, steps=steps), key)


@decisions.post("/give-up", status_code=202, operation_id="giveUp", **operation.GIVE_UP)
async def give_up(by: UseDecider, body: JsonBody, key: IdempotencyKey) -> DecisionView:
    """Make no further attempt: the step fails for good (STEP.TOTAL_TIMEOUT) and is caught or parked as ever.

    Also of what waits only because its job is paused; that goes on being so.
    """
    wanted = await body.read(GiveUpRequest)
    steps = await waiting(by, wanted.steps, held=True)
    return await by.command(GiveUpCommand(actor=by.principal.actor, reason=wanted.reason, steps=steps), key)


def _unit(seen: LiveObservation) -> RetryingUnitView:
    error = seen.error
    assert error is not None  # noqa: S101 - the query gives those that failed
    shown = {"code": error.code, "class": error.error_class, "message": error.message}
    return RetryingUnitView(
        unit=seen.step_id,
        round=seen.round,
        attempt=seen.attempt,
        next_retry_at=seen.next_retry_at,
        paused=seen.paused,
        error=ParkedErrorView.model_validate({**shown, "fingerprint": error.fingerprint or error.code}),
        runbook=runbook(error.code, error.error_class),
        observed_at=seen.observed_at,
    )
