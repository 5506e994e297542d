"""Decisions about the next attempt, taken to Temporal itself: it alone knows what waits for one. Used by the routes.

They leave no event in the history, only what follows from them; so the API notes who asked, and why.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    PauseActivityRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
)
from temporalio.service import RPCError, RPCStatusCode

from api.jobs.decider import Decider
from api.jobs.reading import not_found
from api.problem import ApiError
from api.temporal_call import temporal_call
from perdure.admission.wording import listed
from perdure.contract.name import INTERNAL_SUMMARY_PREFIX, JOB_WORKFLOW
from perdure.projection.reader import describe
from perdure.security.audit import AuditEvent, record

_SECONDS = 30.0
_AT_ONCE = timedelta(milliseconds=1)
_ROUND = re.compile(r"\.r[0-9]+$")
_WHY = "attempt it now"


async def attempt_now(by: Decider, reason: str, steps: Sequence[str] | None) -> list[str]:
    """Have the next attempt begin at once; how many there are, and how many remain, stays as it is.

    Raises:
        ApiError: API.NOT_FOUND, API.JOB_CLOSED, API.STEP_RUNNING or API.STEP_NOT_RETRYING.
        TemporalUnavailableError: Temporal is away.
    """
    async with temporal_call(_SECONDS):
        job, waiting = await _waiting(by, steps)
        service, namespace = by.found.temporal.workflow_service, by.found.temporal.namespace
        for one in waiting:
            # An activity that is let go again is not made to wait for what is left of its backoff.
            id_, who = one.activity_id, by.principal.actor
            pause = PauseActivityRequest(
                namespace=namespace, execution=job, id=id_, identity=who, reason=_WHY, request_id=str(uuid4())
            )
            unpause = UnpauseActivityRequest(namespace=namespace, execution=job, id=id_, identity=who)
            try:
                await service.pause_activity(pause)
                await service.unpause_activity(unpause)
            except RPCError as error:
                _unless_gone(error)
    return _noted(by, AuditEvent.STEP_ATTEMPTED_NOW, reason, waiting)


async def give_up(by: Decider, reason: str, steps: Sequence[str]) -> list[str]:
    """Have no further attempt made: each step fails for good at once, and is caught, parked or compensated as ever.

    Raises as `attempt_now`.
    """
    async with temporal_call(_SECONDS):
        job, waiting = await _waiting(by, steps)
        for one in waiting:
            over = Duration()
            over.FromTimedelta(_AT_ONCE)
            update = UpdateActivityOptionsRequest(
                namespace=by.found.temporal.namespace,
                execution=job,
                id=one.activity_id,
                identity=by.principal.actor,
                activity_options=ActivityOptions(schedule_to_close_timeout=over),
                update_mask=FieldMask(paths=["schedule_to_close_timeout"]),
            )
            try:
                await by.found.temporal.workflow_service.update_activity_options(update)
            except RPCError as error:
                _unless_gone(error)
    return _noted(by, AuditEvent.STEP_GIVEN_UP, reason, waiting)


async def _waiting(by: Decider, steps: Sequence[str] | None) -> tuple[WorkflowExecution, list[PendingActivityInfo]]:
    """The job's current run, and what of it waits for its next attempt."""
    if not by.principal.sees(by.job_id):
        raise not_found()
    try:
        seen = await describe(by.found.temporal, by.job_id)
    except RPCError as error:
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
            raise not_found() from error
        raise
    info = seen.workflow_execution_info
    if info.type.name != JOB_WORKFLOW:
        raise not_found()
    if info.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
        raise ApiError("API.JOB_CLOSED", f"job {by.job_id} has ended: nothing of it is retried any more")
    own = [one for one in seen.pending_activities if not one.activity_id.startswith(INTERNAL_SUMMARY_PREFIX)]
    failed = {_unit(one): one for one in own if one.attempt > 1}
    chosen = [_named(failed, name) for name in dict.fromkeys(steps)] if steps else _idle(failed.values())
    if not chosen:
        raise ApiError("API.STEP_NOT_RETRYING", f"nothing of job {by.job_id} waits for another attempt")
    job = WorkflowExecution(workflow_id=by.job_id, run_id=info.execution.run_id)
    return job, chosen


def _idle(failed: Iterable[PendingActivityInfo]) -> list[PendingActivityInfo]:
    return [one for one in failed if not _runs(one) and not one.paused]


def _named(failed: dict[str, PendingActivityInfo], name: str) -> PendingActivityInfo:
    one = failed.get(name)
    if one is None:
        there = f"what is: {listed(sorted(failed))}" if failed else "nothing of the job is"
        raise ApiError("API.STEP_NOT_RETRYING", f"step {name} is not being retried; {there}")
    if _runs(one):
        raise ApiError("API.STEP_RUNNING", f"attempt {one.attempt} of step {name} runs now: see how it ends")
    if one.paused:
        raise ApiError("API.STEP_NOT_RETRYING", f"step {name} is paused: resume the job, or unpause the activity")
    return one


def _runs(one: PendingActivityInfo) -> bool:
    return one.state != PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED and not one.paused


def _unit(one: PendingActivityInfo) -> str:
    return _ROUND.sub("", one.activity_id)


def _unless_gone(error: RPCError) -> None:
    """An activity that ended meanwhile needs no decision any more."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        raise error


def _noted(by: Decider, event: AuditEvent, reason: str, about: Sequence[PendingActivityInfo]) -> list[str]:
    units = [_unit(one) for one in about]
    record(
        event,
        actor=by.principal.actor,
        request_id=by.context.request_id,
        tenant=by.principal.tenant,
        job_id=by.job_id,
        steps=", ".join(units),
        reason=reason,
    )
    return units
