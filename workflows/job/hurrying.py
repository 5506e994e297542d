"""`retry_now` and `give_up`: decisions about the next attempt of what fails but lives."""

from collections.abc import Callable

from perdure.contract.command import GiveUpCommand, NextAttempt, RetryNowCommand
from perdure.contract.journal import JournalType
from perdure.contract.name import activity_id
from perdure.contract.state import StepStatus
from perdure.contract.wording import meant
from workflows.job.command import RefusedError, place
from workflows.job.execution import Execution
from workflows.job.unit import Unit

Hurrying = RetryNowCommand | GiveUpCommand


def plan_next_attempt(execution: Execution, command: Hurrying, via: str) -> tuple[Callable[[], None], list[str]]:
    """Note who asked, for each unit, and end what it waits for here; `next_attempt` is for what Temporal repeats.

    Raises:
        RefusedError: a name means nothing that runs, or the job is paused.
    """
    named: dict[str, int] = {}
    for number, name in enumerate(command.steps):
        named.setdefault(name, number)
    units = [_running(execution, name, number) for name, number in named.items()]
    if execution.job.paused and isinstance(command, RetryNowCommand):
        raise RefusedError("API.STEP_NOT_RETRYING", "the job is paused: resume it")
    give_up = isinstance(command, GiveUpCommand)
    kind = JournalType.STEP_GIVEN_UP if give_up else JournalType.STEP_ATTEMPTED_NOW

    def act() -> None:
        for unit in units:
            execution.job.notes.add(
                kind, step=unit.name, round_=unit.round, actor=command.actor, reason=command.reason, via=via
            )
            execution.job.backoffs.end(unit, give_up=give_up)

    return act, [unit.name for unit in units]


def next_attempt(execution: Execution, command: Hurrying, units: list[str]) -> NextAttempt:
    """What Temporal is asked for: nothing of what waited on a timer of the workflow."""
    backoffs = execution.job.backoffs
    found = [unit for unit in map(execution.job.unit, units) if unit is not None and not backoffs.has_ended(unit)]
    activities = [activity_id(unit.name, unit.round) for unit in found]
    return NextAttempt(activities=activities, give_up=isinstance(command, GiveUpCommand))


def _running(execution: Execution, name: str, number: int) -> Unit:
    unit, at = execution.job.unit(name), ("steps", number)
    if unit is None:
        text = f"the job has no step {name[:100]!r}"
        mend = f"{text}{meant(name, execution.job.steps)}"
        raise RefusedError("API.STEP_UNKNOWN", text, place(*at, mend=mend))
    if unit.status is not StepStatus.RUNNING:
        text = f"step {name} is not being retried; it is {unit.status}"
        raise RefusedError("API.STEP_NOT_RETRYING", text, place(*at, mend=text))
    return unit
