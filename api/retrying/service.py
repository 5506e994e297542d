"""Which steps of a job wait for their next attempt, as Temporal knows. Used by the routes that decide about them.

Most wait in Temporal, which lists them; what the workflow repeats itself waits on a timer, or in a paused job until it
is resumed, which its history tells.
"""

import re
from collections.abc import Iterable, Sequence

from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.service import RPCError, RPCStatusCode

from api.jobs.decider import Decider
from api.jobs.reading import not_found
from api.problem import ApiError
from api.temporal_call import temporal_call
from perdure.admission.json_path import render
from perdure.admission.problem import Problem
from perdure.contract.name import HELD_REASON, INTERNAL_SUMMARY_PREFIX, JOB_WORKFLOW
from perdure.contract.wording import listed
from perdure.projection.fold import fold_run
from perdure.projection.fold.backoff import held_back, open_backoffs
from perdure.projection.live import WAITS
from perdure.projection.reader import describe, read_new

_SECONDS = 30.0
_ROUND = re.compile(r"\.r[0-9]+$")


async def waiting(by: Decider, steps: Sequence[str] | None, *, held: bool = False) -> list[str]:
    """Those of the steps (all, where none is named) that wait for their next attempt.

    Args:
        by: who decides about which job.
        steps: their names.
        held: whether those count that wait because their job is paused.

    Raises:
        ApiError: API.NOT_FOUND, API.JOB_CLOSED, API.STEP_RUNNING or API.STEP_NOT_RETRYING.
        TemporalUnavailableError: Temporal is away.
    """
    async with temporal_call(_SECONDS):
        run_id, open_ = await _open_steps(by)
        failed = {_unit(one): one for one in open_ if one.attempt > 1}
        whole = not steps or not failed.keys() >= set(steps)
        by_workflow = await _by_workflow(by, run_id) if whole else set()
    if not steps:
        chosen = [_unit(one) for one in _idle(failed.values())] + sorted(by_workflow)
    else:
        chosen = list(dict.fromkeys(steps))
        for name in chosen:
            if name not in by_workflow:
                _check_named(failed, name, by_workflow, held=held, at=render(("steps", steps.index(name))))
    if not chosen:
        raise ApiError("API.STEP_NOT_RETRYING", f"nothing of job {by.job_id} waits for another attempt")
    return chosen


async def _by_workflow(by: Decider, run_id: str) -> set[str]:
    """Units of which the workflow makes the next attempt: they wait on a timer of its, or until it is resumed."""
    state, _ = fold_run(by.job_id, run_id, await read_new(by.found.temporal, by.job_id, run_id))
    return {unit.id for unit, _ in open_backoffs(state)} | {unit.id for unit in held_back(state)}


async def _open_steps(by: Decider) -> tuple[str, list[PendingActivityInfo]]:
    """The current run, and its activities that are open."""
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
    open_ = [one for one in seen.pending_activities if not one.activity_id.startswith(INTERNAL_SUMMARY_PREFIX)]
    return info.execution.run_id, open_


def _idle(failed: Iterable[PendingActivityInfo]) -> list[PendingActivityInfo]:
    return [one for one in failed if not _runs(one) and not one.paused]


def _check_named(
    failed: dict[str, PendingActivityInfo], name: str, by_workflow: set[str], *, held: bool, at: str
) -> None:
    one = failed.get(name)
    if one is None:
        retried = sorted(failed.keys() | by_workflow)
        there = f"what is: {listed(retried)}" if retried else "nothing of the job is"
        raise _refused(at, "API.STEP_NOT_RETRYING", f"step {name} is not being retried; {there}")
    if _runs(one):
        raise _refused(at, "API.STEP_RUNNING", f"attempt {one.attempt} of step {name} runs now: see how it ends")
    if one.paused and not (held and one.pause_info.manual.reason == HELD_REASON):
        message = f"step {name} is paused: resume the job, or unpause the activity"
        raise _refused(at, "API.STEP_NOT_RETRYING", message)


def _refused(at: str, code: str, message: str) -> ApiError:
    return ApiError(code, message, [Problem(at, code, message)])


def _runs(one: PendingActivityInfo) -> bool:
    return one.state not in WAITS


def _unit(one: PendingActivityInfo) -> str:
    return _ROUND.sub("", one.activity_id)
