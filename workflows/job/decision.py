"""What each command does to a job: `decide` finds out whether it may, and gives the act that does it.

One function a command, so that the validator of an update, its handler and a signal all ask the same question.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio import workflow

from perdure.contract.command import (
    ApproveCommand,
    CancelCommand,
    Command,
    DeliverCommand,
    DiscardCommand,
    GiveUpCommand,
    PauseCommand,
    ResumeCommand,
    RetryCommand,
    RetryNowCommand,
    SkipCommand,
)
from perdure.contract.execution import Canceler, PauseState
from perdure.contract.journal import JournalType
from perdure.contract.json_size import json_bytes
from perdure.contract.state import Resolution, StepStatus
from workflows.job import answering
from workflows.job.command import RefusedError, place
from workflows.job.execution import Execution
from workflows.job.hurrying import plan_next_attempt
from workflows.job.parked import parked_units
from workflows.job.retrying import plan_retry
from workflows.job.unit import Unit


@dataclass(frozen=True, slots=True)
class Decision:
    """A command that may be carried out now: the units it concerns, and the act."""

    act: Callable[[], None]
    units: list[str]


def decide(execution: Execution, command: Command, via: str) -> Decision:
    """The decision that a command means for the job as it stands; changes nothing.

    Raises:
        RefusedError: the job cannot take it; the message says in what state it is.
    """
    if isinstance(command, RetryCommand | SkipCommand | DiscardCommand | RetryNowCommand | GiveUpCommand):
        return _about_failed(execution, command, via)
    if execution.ending is not None:
        raise RefusedError("API.JOB_CLOSED", "the job is ending")
    if isinstance(command, CancelCommand):
        by = Canceler(actor=command.actor, reason=command.reason)
        return Decision(lambda: execution.request_stop(by), [])
    _refuse_if_stopping(execution)
    match command:
        case PauseCommand():
            return _pause(execution, command, via)
        case ResumeCommand():
            return _resume(execution, command, via)
        case DeliverCommand():
            return Decision(*answering.deliver(execution, command, via))
        case ApproveCommand():
            return Decision(*answering.approve(execution, command, via))
    raise RefusedError("API.COMMAND_UNKNOWN", f"a job takes no {type(command).__name__}")


def _refuse_if_stopping(execution: Execution) -> None:
    if execution.stop_requested or workflow.cancellation_reason() is not None:
        raise RefusedError("API.JOB_CLOSED", "the job is being canceled")


def _about_failed(
    execution: Execution,
    command: RetryCommand | SkipCommand | DiscardCommand | RetryNowCommand | GiveUpCommand,
    via: str,
) -> Decision:
    """What may be decided also while the job is ending, for compensations fail too."""
    if isinstance(command, RetryNowCommand | GiveUpCommand):
        return Decision(*plan_next_attempt(execution, command, via))
    return _about_parked(execution, command, via)


def _about_parked(execution: Execution, command: RetryCommand | SkipCommand | DiscardCommand, via: str) -> Decision:
    if execution.ending is None:
        _refuse_if_stopping(execution)
    if not execution.parking.any:
        if execution.ending is not None:
            raise RefusedError("API.JOB_CLOSED", "the job is ending")
        raise RefusedError("API.JOB_NOT_PARKED", "no step of the job is parked")
    match command:
        case RetryCommand():
            return Decision(*plan_retry(execution, command, via))
        case SkipCommand():
            return _skip(execution, command, via)
        case DiscardCommand():
            return _discard(execution, command, via)


def _skip(execution: Execution, command: SkipCommand, via: str) -> Decision:
    units = parked_units(execution, [command.step] if command.step else None, "step")
    if command.step is None and len(units) > 1:
        names = ", ".join(unit.name for unit in units[:10])
        text = f"several steps are parked, so `step` has to name one: {names}"
        raise RefusedError("API.VALIDATION", text, place("step", mend=f"name one of these: {names}"))
    _check_output(execution, units, command.output)

    def act() -> None:
        for unit in units:
            _override(execution, unit, command, via)
        execution.parking.end()
        execution.wake()

    return Decision(act, [unit.name for unit in units])


def _check_output(execution: Execution, units: list[Unit], output: Any) -> None:
    size, job = json_bytes(output), execution.job
    if size > job.limits.output_bytes:
        raise RefusedError("API.PAYLOAD_INVALID", f"the output is {size} bytes; the limit is {job.limits.output_bytes}")
    if not job.room_for(size * len(units) - job.held_by(units)):
        text = f"with this output the job would hold more than {job.limits.state_bytes} bytes of spec and outputs"
        raise RefusedError("API.PAYLOAD_INVALID", text)


def _override(execution: Execution, unit: Unit, command: SkipCommand, via: str) -> None:
    execution.scheduler.release(unit)
    execution.scheduler.forget(unit)
    execution.job.keep(unit, command.output)
    execution.job.notes.add(
        JournalType.STEP_OVERRIDDEN,
        step=unit.name,
        round_=unit.round,
        actor=command.actor,
        reason=command.reason,
        output=command.output,
        via=via,
    )
    execution.scheduler.finish(unit, StepStatus.SKIPPED)


def _discard(execution: Execution, command: DiscardCommand, via: str) -> Decision:
    names = [unit.name for unit in execution.parking.parked]

    def act() -> None:
        if execution.ending is not None:
            execution.compensations.give_up(reason=command.reason, actor=command.actor, via=via)
        else:
            execution.discarded = True
            execution.job.notes.add(
                JournalType.JOB_DISCARDED,
                actor=command.actor,
                reason=command.reason,
                resolution=Resolution.DISMISSED,
                via=via,
            )
        execution.wake()

    return Decision(act, names)


def _pause(execution: Execution, command: PauseCommand, via: str) -> Decision:
    if execution.job.paused:
        return Decision(lambda: None, [])  # two equal decisions are one

    def act() -> None:
        execution.job.notes.add(JournalType.JOB_PAUSED, actor=command.actor, reason=command.reason, via=via)
        execution.set_paused(paused=True, by=PauseState(actor=command.actor, reason=command.reason))

    return Decision(act, [])


def _resume(execution: Execution, command: ResumeCommand, via: str) -> Decision:
    if not execution.job.paused:
        raise RefusedError("API.JOB_NOT_PAUSED", "the job is not paused")

    def act() -> None:
        execution.job.notes.add(JournalType.JOB_RESUMED, actor=command.actor, reason=command.reason, via=via)
        execution.set_paused(paused=False)

    return Decision(act, [])
