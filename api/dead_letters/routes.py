"""`/v1/dead-letters/{id}/…`: decisions about a parked job (contract 9). The id is that of the job."""

from fastapi import APIRouter, Depends

from api.body import JsonBody
from api.dead_letters import operation
from api.dead_letters.schemas import DiscardRequest, RetryDeadLetterRequest, SkipRequest
from api.idempotency_key import IdempotencyKey
from api.jobs.decider import UseDecider
from api.jobs.schemas import DecisionView
from api.query import NoQuery, only
from api.security import authenticate
from perdure.contract.command import DiscardCommand, RetryCommand, SkipCommand

router = APIRouter(
    prefix="/v1/dead-letters/{job_id}",
    tags=["dead letters"],
    dependencies=[Depends(authenticate), Depends(only(NoQuery))],
)


@router.post("/retry", status_code=202, operation_id="retryDeadLetter", **operation.RETRY)
async def retry_dead_letter(by: UseDecider, body: JsonBody, key: IdempotencyKey) -> DecisionView:
    """Run what is parked again: all of it, what is named, or one step with everything after it."""
    wanted = await body.read(RetryDeadLetterRequest)
    return await by.command(RetryCommand(actor=by.principal.actor, **dict(wanted)), key)


@router.post("/skip", status_code=202, operation_id="skipDeadLetter", **operation.SKIP)
async def skip_dead_letter(by: UseDecider, body: JsonBody, key: IdempotencyKey) -> DecisionView:
    """Let a parked step count as done, with an output that a person supplies; the steps after it run."""
    wanted = await body.read(SkipRequest)
    return await by.command(SkipCommand(actor=by.principal.actor, **dict(wanted)), key)


@router.post("/discard", status_code=202, operation_id="discardDeadLetter", **operation.DISCARD)
async def discard_dead_letter(by: UseDecider, body: JsonBody, key: IdempotencyKey) -> DecisionView:
    """Give the job up: what completed is compensated, then it ends FAILED with resolution DISMISSED."""
    wanted = await body.read(DiscardRequest)
    return await by.command(DiscardCommand(actor=by.principal.actor, **dict(wanted)), key)
