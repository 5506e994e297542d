"""Payloads of the signals and updates a job takes (contract 7), from the API and the temporal CLI."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from perdure.contract.model import Model

Actor = Annotated[str, StringConstraints(max_length=200)]
Reason = Annotated[str, StringConstraints(max_length=2_000)]


class Command(Model):
    """What every command says: who, and why. The API vouches for the actor."""

    actor: Actor | None = None
    reason: Reason | None = None


class RetryCommand(Command):
    """Run parked steps again: all of them, the named ones, or `from_step` with everything after it.

    A name is a step's id, an item's (`fetch.7`) or a compensation's (`fetch.compensate`). `patch` replaces
    fields of `with`, by step id. `force` is needed where an `at_most_once` step may already have taken effect.
    """

    steps: list[str] | None = None
    from_step: str | None = None
    patch: dict[str, dict[str, Any]] | None = None
    force: bool = False


class SkipCommand(Command):
    """Let a parked step count as done with `output`. Without `step`: the one that is parked."""

    step: str | None = None
    output: Any = None


class DiscardCommand(Command):
    """Give a parked job up: compensate what completed, end FAILED with resolution DISMISSED."""


class DeliverCommand(Command):
    """Hand `payload` to the `WAIT` step that waits, or will wait, for `name`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    payload: Any = None


class PauseCommand(Command):
    """Start no further step until `resume`; what runs finishes."""


class ResumeCommand(Command):
    """Go on after `pause`."""


class CancelCommand(Command):
    """End the job as CANCELED; running steps are asked to stop."""


class RetryNowCommand(Command):
    """Begin the next attempt of these steps, items or compensations now. How many are left stays as it is."""

    steps: Annotated[list[str], Field(min_length=1)]


class GiveUpCommand(Command):
    """Make no further attempt of these: each fails for good, and is caught or parked as ever."""

    steps: Annotated[list[str], Field(min_length=1)]


class NextAttempt(Model):
    """Input of the internal activity `perdure.next_attempt`: of which activities of the job, and which way."""

    activities: list[str]
    give_up: bool


class HoldInput(Model):
    """Input of the internal activity `perdure.hold_steps`: pause the open step activities of a job, or unpause them."""

    hold: bool


class ApprovalDecision(StrEnum):
    """What a person says to an `APPROVAL` step."""

    APPROVE = "approve"
    REJECT = "reject"


class ApproveCommand(Command):
    """One person's decision on an `APPROVAL` step. `role` is the actor's, as the API knows it."""

    step: str | None = None
    decision: Annotated[ApprovalDecision, Field(strict=False)]
    role: str | None = None


class RefusedPlace(Model):
    """What in a command is refused, and how to mend it: the detail of a refusal. `at`: fields and positions to it."""

    at: list[str | int]
    message: str


class CommandAccepted(Model):
    """What an accepted update answers: the steps it concerned."""

    steps: list[str]
