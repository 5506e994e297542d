"""`deliver` and `approve`: what ends a wait, and who may."""

from collections.abc import Callable
from functools import partial
from typing import Any

from temporalio import workflow

from perdure.contract.command import ApprovalDecision, ApproveCommand, DeliverCommand
from perdure.contract.error import ErrorClass
from perdure.contract.execution import DeliveryState
from perdure.contract.journal import JournalType
from perdure.contract.json_size import json_bytes
from perdure.contract.limit import MAX_DELIVERIES
from perdure.contract.name import MEMO_SUBMITTED_BY
from perdure.contract.state import StepStatus
from perdure.contract.waiting import ApprovalParams, WaitParams
from perdure.expressions import payload_problem
from workflows.job.command import RefusedError, place
from workflows.job.execution import Execution
from workflows.job.outcome import Completed, failure
from workflows.job.unit import StepRun
from workflows.job.waits import OpenWait, problem_of

_DECISION_BYTES = 2_500
"""What a decision may take: actor, reason, time."""

Act = tuple[Callable[[], None], list[str]]


def deliver(execution: Execution, command: DeliverCommand, via: str) -> Act:
    """Hand a payload to the first step that waits for it, or keep it for one that will. Raises RefusedError."""
    _check_size(execution, command)
    delivery = DeliveryState(**command.model_dump(), via=via)
    open_ = [wait for wait in execution.waits.open if _waits_for(wait, command.name)]
    if open_:
        params = open_[0].params
        _refuse_payload(problem_of(params, delivery) if isinstance(params, WaitParams) else None)
        return partial(open_[0].answer.set_result, delivery), [open_[0].unit.name]
    later = [step for step in execution.job.steps.values() if _will_wait_for(execution, step, command.name)]
    kept = sum(early.name == command.name for early in execution.waits.early)
    if kept >= len(later) and not any(step.step.for_each for step in later):
        text = f"no step waits, or will wait, for another {command.name!r}{_open(execution)}"
        raise RefusedError("API.NOTHING_WAITS", text, place("name", mend=text))
    if len(execution.waits.early) >= MAX_DELIVERIES:
        raise RefusedError("API.NOTHING_WAITS", f"{MAX_DELIVERIES} deliveries are kept already, and none is waited for")
    _refuse_payload(_early_problem(later[0], command))
    _check_room(execution, json_bytes(command.payload), "delivery")
    return partial(execution.waits.keep_early, delivery), [later[0].name]


def _check_room(execution: Execution, size: int, what: str) -> None:
    if not execution.job.room_for(size):
        limit = execution.job.limits.state_bytes
        text = f"with this {what} the job would hold more than {limit} bytes of spec, outputs and what waits"
        raise RefusedError("API.PAYLOAD_INVALID", text)


def _check_size(execution: Execution, command: DeliverCommand) -> None:
    size, limit = json_bytes(command.payload), execution.job.limits.output_bytes
    if size > limit:
        raise RefusedError("API.PAYLOAD_INVALID", f"the payload is {size} bytes; the limit is {limit}")


def _waits_for(wait: OpenWait, name: str) -> bool:
    return isinstance(wait.params, WaitParams) and wait.params.name == name


def _will_wait_for(execution: Execution, step: StepRun, name: str) -> bool:
    wanted = step.operation.params.get("name")
    named = wanted == name or (isinstance(wanted, str) and "${" in wanted)
    if step.operation.type != "WAIT" or not named or step.status.final:
        return False
    # One that was just answered is not over yet, but waits no more.
    return step.step.for_each is not None or not (step.status is StepStatus.RUNNING or execution.waits.knows(step))


def _early_problem(step: StepRun, command: DeliverCommand) -> str | None:
    schema = step.operation.params.get("schema")
    return None if schema is None else payload_problem(schema, command.payload)


def _refuse_payload(problem: str | None) -> None:
    if problem is not None:
        raise RefusedError("API.PAYLOAD_INVALID", f"the payload does not meet the step's schema: {problem}")


def _open(execution: Execution) -> str:
    names = [wait.params.name for wait in execution.waits.open if isinstance(wait.params, WaitParams)]
    return f"; open waits: {', '.join(names[:10])}" if names else ""


def approve(execution: Execution, command: ApproveCommand, via: str) -> Act:
    """Count one person's decision. Raises RefusedError where that person may not decide."""
    wait = _open_approval(execution, command)
    _check_person(wait, command)
    _check_room(execution, _DECISION_BYTES, "decision")
    return partial(_decide, execution, wait, command, via), [wait.unit.name]


def _open_approval(execution: Execution, command: ApproveCommand) -> OpenWait:
    found = [wait for wait in execution.waits.open if isinstance(wait.params, ApprovalParams)]
    names = ", ".join(wait.unit.name for wait in found[:10])
    if command.step is not None:
        found = [wait for wait in found if command.step in (wait.unit.name, wait.unit.id.step)]
    if not found:
        text = f"no such step waits for approval{f'; open: {names}' if names else ''}"
        where = () if command.step is None else (place("step", mend=text),)
        raise RefusedError("API.NOTHING_WAITS", text, *where)
    if len(found) > 1:
        text = f"several steps wait for approval, so `step` has to name one: {names}"
        raise RefusedError("API.VALIDATION", text, place("step", mend=f"name one of these: {names}"))
    return found[0]


def _check_person(wait: OpenWait, command: ApproveCommand) -> None:
    """The second-person rule, in its one place."""
    params, decisions = wait.params, wait.unit.decisions
    assert isinstance(params, ApprovalParams)  # noqa: S101  only such waits are found
    reason = None
    if not command.actor:
        reason = "an approval has to say whose it is (`actor`)"
    elif params.roles and command.role not in params.roles:
        reason = f"step {wait.unit.name} is decided by: {', '.join(params.roles)}"
    elif not params.allow_self_approval and command.actor == workflow.memo_value(MEMO_SUBMITTED_BY, None):
        reason = f"{command.actor} submitted the job; somebody else has to decide"
    elif any(decision["actor"] == command.actor for decision in decisions):
        reason = f"{command.actor} has decided already"
    if reason is not None:
        raise RefusedError("API.APPROVAL_NOT_ALLOWED", reason)


def _decide(execution: Execution, wait: OpenWait, command: ApproveCommand, via: str) -> None:
    unit, params = wait.unit, wait.params
    assert isinstance(params, ApprovalParams)  # noqa: S101  only such waits are found
    said = {"actor": command.actor, "decision": str(command.decision), "reason": command.reason}
    unit.decisions = [*unit.decisions, {**said, "at": workflow.now().isoformat()}]
    execution.job.hold(json_bytes(unit.decisions[-1]))
    approvals = sum(decision["decision"] == ApprovalDecision.APPROVE for decision in unit.decisions)
    complete = approvals >= params.required_approvals
    output = {"approved": True, "decisions": unit.decisions}
    whole: dict[str, Any] = {"output": output} if complete else {}
    execution.job.notes.add(
        JournalType.STEP_DELIVERED,
        step=unit.name,
        round_=unit.round,
        actor=command.actor,
        reason=command.reason,
        decision=str(command.decision),
        approvals=approvals,
        required_approvals=params.required_approvals,
        complete=complete,
        via=via,
        **whole,
    )
    if command.decision is ApprovalDecision.REJECT:
        message = f"{command.actor} rejected it" + (f": {command.reason}" if command.reason else "")
        rejected = failure(execution.job, unit, "STEP.APPROVAL.REJECTED", ErrorClass.PERMANENT, message)
        wait.answer.set_result(rejected)
    elif complete:
        wait.answer.set_result(Completed(output))
