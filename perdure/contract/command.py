"""Payloads of the signals and updates a job takes (contract 7), from the API and the temporal CLI."""

from typing import Annotated

from pydantic import StringConstraints

from perdure.contract.model import Model

Actor = Annotated[str, StringConstraints(max_length=200)]
Reason = Annotated[str, StringConstraints(max_length=2_000)]


class RetryCommand(Model):
    """Run parked steps again: all of them, or the named ones. Every field is optional."""

    actor: Actor | None = None
    reason: Reason | None = None
    steps: list[str] | None = None


class CancelCommand(Model):
    """End the job as CANCELED; running steps are asked to stop."""

    actor: Actor | None = None
    reason: Reason | None = None


class CommandAccepted(Model):
    """What an accepted update answers: the steps it concerned."""

    steps: list[str]
