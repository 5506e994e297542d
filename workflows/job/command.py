"""Reads and takes the commands that signals and updates bring; whatever comes, the job goes on."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from perdure.contract.command import CancelCommand, CommandAccepted, RetryCommand
from perdure.contract.journal import JournalType
from perdure.contract.model import Model, first_problem
from perdure.contract.name import COMMAND_CANCEL, COMMAND_RETRY
from perdure.contract.state import StepStatus
from workflows.job.execution import Execution
from workflows.job.state import StepRun

_Command = TypeVar("_Command", bound=Model)

SIGNALS: dict[str, type[RetryCommand | CancelCommand]] = {COMMAND_RETRY: RetryCommand}
UPDATES: dict[str, type[RetryCommand | CancelCommand]] = {**SIGNALS, COMMAND_CANCEL: CancelCommand}


class RefusedError(ApplicationError):
    """A command that cannot be taken; `type` is the code the API answers with."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, type=code, non_retryable=True)


def parse_signal(name: str, args: Sequence[RawValue]) -> RetryCommand | CancelCommand:
    """The command that a signal brings. Raises RefusedError for everything that is not one."""
    return _parse("signal", SIGNALS, name, args)


def parse_update(name: str, args: Sequence[RawValue]) -> RetryCommand | CancelCommand:
    """The command that an update brings. Raises RefusedError for everything that is not one."""
    return _parse("update", UPDATES, name, args)


def _parse(
    kind: str, known: dict[str, type[RetryCommand | CancelCommand]], name: str, args: Sequence[RawValue]
) -> RetryCommand | CancelCommand:
    # No argument, `null` and `{}` are the same.
    model = known.get(name)
    if model is None:
        text = f"a job takes no {kind} {name[:100]!r}; it takes {', '.join(known)}"
        raise RefusedError("API.COMMAND_UNKNOWN", text)
    if len(args) > 1:
        raise RefusedError("API.VALIDATION", f"{name} takes one JSON object, not {len(args)} arguments")
    return _read(model, args[0]) if args else model()


def _read(model: type[_Command], raw: RawValue) -> _Command:
    encoding = raw.payload.metadata.get("encoding", b"")
    if encoding == b"binary/null" or raw.payload.data == b"null":
        return model()
    try:
        return model.model_validate_json(raw.payload.data)
    except ValidationError as problem:
        raise RefusedError("API.VALIDATION", first_problem(problem)[:300]) from None


def check(execution: Execution, command: RetryCommand | CancelCommand) -> None:
    """Raise RefusedError if the job cannot take the command as it stands; changes nothing."""
    if execution.closing:
        raise RefusedError("API.JOB_CLOSED", "the job is ending")
    if isinstance(command, RetryCommand):
        _parked_steps(execution, command)


def take(execution: Execution, command: RetryCommand | CancelCommand, via: str) -> CommandAccepted:
    """Carry out a command that `check` let pass."""
    check(execution, command)
    if isinstance(command, CancelCommand):
        execution.request_stop()
        return CommandAccepted(steps=[])
    return _retry(execution, command, via)


def _retry(execution: Execution, command: RetryCommand, via: str) -> CommandAccepted:
    steps = _parked_steps(execution, command)
    execution.retry(steps)
    execution.notes.add(
        JournalType.JOB_RETRY_REQUESTED,
        actor=command.actor,
        reason=command.reason,
        steps=[step.id for step in steps],
        rounds={step.id: step.round for step in steps},
        via=via,
    )
    execution.parking.release()
    return CommandAccepted(steps=[step.id for step in steps])


def _parked_steps(execution: Execution, command: RetryCommand) -> list[StepRun]:
    if execution.stop_requested or workflow.cancellation_reason() is not None:
        raise RefusedError("API.JOB_CLOSED", "the job is being canceled")
    parked = execution.parking.parked
    if not parked:
        raise RefusedError("API.JOB_NOT_PARKED", "no step of the job is parked")
    if command.steps is None:
        return parked
    return [_parked_step(execution, step_id) for step_id in dict.fromkeys(command.steps)] or parked


def _parked_step(execution: Execution, step_id: str) -> StepRun:
    step = execution.job.steps.get(step_id)
    if step is None:
        raise RefusedError("API.STEP_UNKNOWN", f"the job has no step {step_id[:100]!r}")
    if step.status is not StepStatus.DEAD_LETTERED:
        raise RefusedError("API.JOB_NOT_PARKED", f"step {step_id} is not parked; it is {step.status}")
    return step
