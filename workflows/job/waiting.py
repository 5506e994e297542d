"""The `WAIT` and `APPROVAL` steps: ended by a delivery, by people's decisions, or by their timeout."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from perdure.contract.error import ErrorClass
from perdure.contract.execution import DeliveryState
from perdure.contract.journal import JournalType
from perdure.contract.json_size import json_bytes
from perdure.contract.model import first_problem
from perdure.contract.state import StepStatus
from perdure.contract.waiting import ApprovalParams, OnTimeout, WaitParams
from workflows.job.outcome import Completed, Outcome, failure
from workflows.job.state import JobRun
from workflows.job.unit import Unit
from workflows.job.waits import Answer, Waits

_PARAMS: dict[str, type[WaitParams | ApprovalParams]] = {"WAIT": WaitParams, "APPROVAL": ApprovalParams}


async def wait(job: JobRun, waits: Waits, unit: Unit, params: dict[str, Any]) -> Outcome:
    """Wait until somebody ends it, or the time is up."""
    try:
        wanted = _PARAMS[unit.operation.type].model_validate_json(to_json(params))
    except ValidationError as problem:
        return failure(job, unit, "STEP.PARAMETERS", ErrorClass.PERMANENT, first_problem(problem))
    if unit.status is not StepStatus.WAITING:
        unit.status = StepStatus.WAITING
        unit.wake_at = waits.expiry(wanted)
        unit.waits_for = _resolved_name(unit, wanted)
        _note_begin(job, unit, wanted)
    answer = await waits.until_answered(unit, wanted)
    unit.wake_at = unit.waits_for = None
    unit.status = StepStatus.RUNNING
    return await _ended(job, unit, wanted, answer)


def _resolved_name(unit: Unit, params: WaitParams | ApprovalParams) -> str | None:
    """The name, where the spec does not tell it."""
    name = params.name if isinstance(params, WaitParams) else None
    return None if name == unit.operation.params.get("name") else name


async def _ended(job: JobRun, unit: Unit, params: WaitParams | ApprovalParams, answer: Answer) -> Outcome:
    if answer is None:
        return await _timed_out(job, unit, params)
    if isinstance(answer, DeliveryState):
        return await _delivered(job, unit, answer)
    return answer


async def _delivered(job: JobRun, unit: Unit, delivery: DeliveryState) -> Completed:
    await job.budget.reserve(json_bytes(delivery.payload))
    job.notes.add(
        JournalType.STEP_DELIVERED,
        step=unit.name,
        round_=unit.round,
        actor=delivery.actor,
        reason=delivery.reason,
        name=delivery.name,
        payload=delivery.payload,
        via=delivery.via,
    )
    return Completed(delivery.payload)


async def _timed_out(job: JobRun, unit: Unit, params: WaitParams | ApprovalParams) -> Outcome:
    if params.on_timeout is OnTimeout.FAIL:
        message = f"nobody ended the wait within {params.timeout}"
        return failure(job, unit, "STEP.WAIT.TIMEOUT", ErrorClass.TIMEOUT, message)
    output = None if isinstance(params, WaitParams) else {"approved": False, "decisions": unit.decisions}
    job.notes.add(JournalType.STEP_COMPLETED, step=unit.name, round_=unit.round, output=output, timed_out=True)
    return Completed(output)


def _note_begin(job: JobRun, unit: Unit, params: WaitParams | ApprovalParams) -> None:
    facts: dict[str, Any] = {"kind": unit.operation.type, "expires_at": unit.wake_at}
    if isinstance(params, WaitParams):
        facts["name"] = params.name
    else:
        facts |= {"required_approvals": params.required_approvals, "roles": params.roles, "message": params.message}
    known = {name: fact for name, fact in facts.items() if fact not in (None, [])}
    job.notes.add(JournalType.STEP_WAITING, step=unit.name, round_=unit.round, **known)
