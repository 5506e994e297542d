"""The routes that decide about a job; each decision reaches Temporal with its actor and reason."""

from fastapi import APIRouter, Depends, Response

from api.body import JsonBody, OptionalJsonBody
from api.idempotency_key import IdempotencyKey
from api.jobs import decision_operation as operation
from api.jobs import stop
from api.jobs.answer import submission_answer
from api.jobs.decider import UseDecider
from api.jobs.payload import Onlooker, shown_job
from api.jobs.request import (
    ApproveRequest,
    CancelRequest,
    DeliverRequest,
    PauseRequest,
    ResubmitRequest,
    ResumeRequest,
    RetryRequest,
    TerminateRequest,
)
from api.jobs.resubmission import resubmit
from api.jobs.schemas import DecisionView
from api.query import NoQuery, only
from api.security import Admin, authenticate
from perdure.contract.command import ApproveCommand, DeliverCommand, PauseCommand, ResumeCommand, RetryCommand

router = APIRouter(
    prefix="/v1/jobs/{job_id}",
    tags=["decisions"],
    dependencies=[Depends(authenticate), Depends(only(NoQuery))],
)


@router.post("/cancel", status_code=202, operation_id="cancelJob", **operation.CANCEL)
async def cancel_job(by: UseDecider, body: OptionalJsonBody) -> DecisionView:
    """Ask a job to end. Durable: it takes effect also when no worker is up now. Running steps are asked to stop."""
    wanted = await body.read(CancelRequest)
    return await by.taken("cancel", wanted.reason, stop.cancel(by.found, by.principal, by.job_id, wanted))


@router.post("/terminate", status_code=202, operation_id="terminateJob", **operation.TERMINATE)
async def terminate_job(_: Admin, by: UseDecider, body: OptionalJsonBody) -> DecisionView:
    """End a job at once, whatever it does: no step is asked to stop, nothing is compensated. Needs no worker."""
    wanted = await body.read(TerminateRequest)
    return await by.taken("terminate", wanted.reason, stop.terminate(by.found, by.principal, by.job_id, wanted))


@router.post("/pause", status_code=202, operation_id="pauseJob", **operation.PAUSE)
async def pause_job(by: UseDecider, body: OptionalJsonBody, key: IdempotencyKey) -> DecisionView:
    """Start no further step, and no further attempt, until `resume`; an attempt that runs finishes."""
    wanted = await body.read(PauseRequest)
    return await by.command(PauseCommand(actor=by.principal.actor, reason=wanted.reason), key)


@router.post("/resume", status_code=202, operation_id="resumeJob", **operation.RESUME)
async def resume_job(by: UseDecider, body: OptionalJsonBody, key: IdempotencyKey) -> DecisionView:
    """Let a paused job go on."""
    wanted = await body.read(ResumeRequest)
    return await by.command(ResumeCommand(actor=by.principal.actor, reason=wanted.reason), key)


@router.post("/retry", status_code=202, operation_id="retryJob", **operation.RETRY)
async def retry_job(by: UseDecider, body: OptionalJsonBody, key: IdempotencyKey) -> DecisionView:
    """Run parked steps of a dead-lettered job again: all, those named, or one with everything after it."""
    wanted = await body.read(RetryRequest)
    return await by.command(RetryCommand(actor=by.principal.actor, **dict(wanted)), key)


@router.post("/deliver", status_code=202, operation_id="deliverToJob", **operation.DELIVER)
async def deliver_to_job(by: UseDecider, body: JsonBody, key: IdempotencyKey) -> DecisionView:
    """Hand a payload to the `WAIT` step that waits, or will wait, for its name; it becomes the step's output."""
    wanted = await body.read(DeliverRequest)
    return await by.command(DeliverCommand(actor=by.principal.actor, **dict(wanted)), key)


@router.post("/approve", status_code=202, operation_id="approveJob", **operation.APPROVE)
async def approve_job(by: UseDecider, body: JsonBody, key: IdempotencyKey) -> DecisionView:
    """One person's decision on an `APPROVAL` step: approve or reject."""
    wanted = await body.read(ApproveRequest)
    role = by.principal.role.value
    return await by.command(ApproveCommand(actor=by.principal.actor, role=role, **dict(wanted)), key)


@router.post("/resubmit", operation_id="resubmitJob", **operation.RESUBMIT)
async def resubmit_job(by: UseDecider, body: OptionalJsonBody, key: IdempotencyKey) -> Response:
    """Start a new job that does a closed one again, with the same spec and perhaps another input."""
    wanted = await body.read(ResubmitRequest)
    done = await resubmit(by, wanted, key)
    view = await shown_job(done.reading, Onlooker(by.found, by.principal, by.context))
    return submission_answer(view, replayed=done.replayed)
