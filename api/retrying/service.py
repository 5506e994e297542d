"""Which steps of a job wait for their next attempt: Temporal alone knows. Used by the routes that decide about them."""

import re
from collections.abc import Iterable, Sequence

from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.service import RPCError, RPCStatusCode

from api.jobs.decider import Decider
from api.jobs.reading import not_found
from api.problem import ApiError
from api.temporal_call import temporal_call
from perdure.contract.name import INTERNAL_SUMMARY_PREFIX, JOB_WORKFLOW
from perdure.contract.wording import listed
from perdure.projection.reader import describe

_SECONDS = 30.0
_ROUND = re.compile(r"\.r[0-9]+$")


async def waiting(by: Decider, steps: Sequence[str] | None) -> list[str]:
    """Those of the steps (all, where none is named) that wait for their next attempt.

    Raises:
        ApiError: API.NOT_FOUND, API.JOB_CLOSED, API.STEP_RUNNING or API.STEP_NOT_RETRYING.
        TemporalUnavailableError: Temporal is away.
    """
    async with temporal_call(_SECONDS):
        open_ = await _open_steps(by)
    failed = {_unit(one): one for one in open_ if one.attempt > 1}
    chosen = [_named(failed, name) for name in dict.fromkeys(steps)] if steps else _idle(failed.values())
    if not chosen:
        raise ApiError("API.STEP_NOT_RETRYING", f"nothing of job {by.job_id} waits for another attempt")
    return [_unit(one) for one in chosen]


async def _open_steps(by: Decider) -> list[PendingActivityInfo]:
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
    return [one for one in seen.pending_activities if not one.activity_id.startswith(INTERNAL_SUMMARY_PREFIX)]


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
