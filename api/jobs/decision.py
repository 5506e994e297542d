"""Decisions about a job that its workflow takes or refuses: each is an update with its actor and reason."""

import asyncio
import re
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.errors import STATUS
from api.jobs.current import Current, check_open, gone, read_current
from api.jobs.original import read_original
from api.jobs.patch import check_patch
from api.jobs.reading import read_from_temporal
from api.jobs.taken_before import taken_before
from api.jobs.update_id import update_id
from api.problem import ApiError
from api.state import Services
from api.temporal_call import TemporalUnavailableError, temporal_call
from perdure.admission.json_path import render
from perdure.admission.problem import AdmissionError, Problem
from perdure.contract import name
from perdure.contract.command import (
    ApproveCommand,
    Command,
    CommandAccepted,
    DeliverCommand,
    DiscardCommand,
    GiveUpCommand,
    PauseCommand,
    RefusedPlace,
    ResumeCommand,
    RetryCommand,
    RetryNowCommand,
    SkipCommand,
)
from perdure.security.principal import Principal

_GRACE_SECONDS = 2.0
"""What a decision may take beyond the time a worker has for it."""
_NAMES: dict[type[Command], str] = {
    RetryCommand: name.COMMAND_RETRY,
    SkipCommand: name.COMMAND_SKIP,
    DiscardCommand: name.COMMAND_DISCARD,
    DeliverCommand: name.COMMAND_DELIVER,
    ApproveCommand: name.COMMAND_APPROVE,
    PauseCommand: name.COMMAND_PAUSE,
    ResumeCommand: name.COMMAND_RESUME,
    RetryNowCommand: name.COMMAND_RETRY_NOW,
    GiveUpCommand: name.COMMAND_GIVE_UP,
}
_GIVEN: dict[type[Command], str] = {DeliverCommand: "$.payload", SkipCommand: "$.output"}
"""Where a body has what API.PAYLOAD_INVALID is about."""
_WITHIN = re.compile(r"""schema: \$(?P<below>(\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\]|\["[^"]*"\])*)""", re.ASCII)
"""The place that the workflow names in a payload, as `perdure.expressions.payload_problem` writes it."""


def command_name(command: Command) -> str:
    """The name of the update that carries the command."""
    return _NAMES[type(command)]


async def decide(
    found: Services, principal: Principal, job_id: str, command: Command, key: str | None = None
) -> list[str]:
    """Have the job's workflow take a command; returns the steps it concerns once it did.

    Args:
        found: the application's services.
        principal: who decides; `command.actor` is its actor.
        job_id: the job.
        command: what is decided.
        key: the client's Idempotency-Key: the same command under it is one decision.

    Raises:
        AdmissionError: a patch does not fit the job's spec.
        ApiError: API.NOT_FOUND, API.JOB_CLOSED, what the workflow refuses it with, or API.DECISION_TIMEOUT.
        TemporalUnavailableError: whether it was decided is not known; deciding again is harmless.
    """
    now = await read_current(found, principal, job_id)
    try:
        await _check(found, now, command)
    except (ApiError, AdmissionError):
        known = update_id(command_name(command), command, now, key)
        before = None if key is None else await taken_before(found, now, known)
        if before is None:
            raise
        return list(before.steps)
    try:
        accepted = await _send(found, now, command, key)
    except WorkflowUpdateFailedError as error:
        raise await _refused(found, principal, job_id, command, error) from error
    except RPCError as error:
        if error.status is RPCStatusCode.FAILED_PRECONDITION:
            raise TemporalUnavailableError(_STUCK) from error
        raise await gone(found, principal, job_id, error) from error
    return list(accepted.steps)


async def _check(found: Services, now: Current, command: Command) -> None:
    check_open(now.job)
    if isinstance(command, RetryCommand) and command.patch is not None:
        start = await read_original(found, now.job.id, now.job.run_id)
        await asyncio.to_thread(check_patch, start, now.job, command)


_STUCK = (
    "the job cannot take a decision now: its newest workflow task failed, and Temporal tries it again by itself;"
    " the job's status_reason says why"
)


async def _send(found: Services, now: Current, command: Command, key: str | None) -> CommandAccepted:
    update = command_name(command)
    seconds = found.settings.decision_timeout_seconds
    try:
        async with temporal_call(seconds + _GRACE_SECONDS), found.turns.turn(now.job.id):
            accepted: CommandAccepted = await found.temporal.get_workflow_handle(now.job.id).execute_update(
                update,
                command,
                id=update_id(update, command, now, key),
                result_type=CommandAccepted,
                rpc_timeout=timedelta(seconds=seconds),
            )
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TemporalUnavailableError) as error:
        raise ApiError("API.DECISION_TIMEOUT", _too_late(seconds)) from error
    return accepted


async def _refused(
    found: Services, principal: Principal, job_id: str, command: Command, error: WorkflowUpdateFailedError
) -> ApiError:
    """The workflow's refusal with the job's state; a code that a worker of another version gives is API.CONFLICT."""
    cause = error.cause
    said = cause.type if isinstance(cause, ApplicationError) and cause.type else ""
    code = said if said.startswith("API.") and said in STATUS else "API.CONFLICT"
    message = cause.message if isinstance(cause, ApplicationError) else str(cause)
    job = (await read_from_temporal(found, principal, job_id)).job
    return ApiError(code, f"job {job.id} is {job.status}: {message}", places(command, code, message, cause))


def places(command: Command, code: str, message: str, cause: BaseException | None) -> list[Problem]:
    """What of the body is refused: as the workflow says, or, of a payload, its message."""
    told = cause.details if isinstance(cause, ApplicationError) else ()
    found = [place for place in map(_told, told) if place is not None]
    if found:
        return [Problem(render(place.at), code, place.message) for place in found]
    at = _place(command, message) if code == "API.PAYLOAD_INVALID" else None
    return [Problem(at, code, message)] if at else []


def _told(detail: Any) -> RefusedPlace | None:
    """A place; None where a worker of another version tells something else."""
    try:
        return RefusedPlace.model_validate(detail)
    except ValidationError:
        return None


def _place(command: Command, message: str) -> str | None:
    """Where in the body it is: the refusal names a place within what was given, where it knows one."""
    given = _GIVEN.get(type(command))
    within = _WITHIN.search(message)
    return given if given is None or within is None else given + within["below"]


def _too_late(seconds: float) -> str:
    return (
        f"no worker took the decision within {seconds:g} s. It may still take effect: look at the job;"
        " sending the same decision again is harmless"
    )
