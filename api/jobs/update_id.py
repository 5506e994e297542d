"""Ids of the updates that carry decisions: Temporal takes an update of the same id once (decision 0004)."""

import hashlib

import rfc8785
import uuid_utils

from api.jobs.current import Current
from perdure.contract.command import ApproveCommand, Command, DeliverCommand, DiscardCommand, RetryCommand, SkipCommand
from perdure.contract.journal import JournalType

_ABOUT_A_PARK = (RetryCommand, SkipCommand, DiscardCommand)


def update_id(name: str, command: Command, now: Current, key: str | None) -> str:
    """The same for the same decision about the same state of the job, so that sending it twice is one decision.

    When a step parked again, or another one waits, the same words are a new decision. A client that wants to say
    itself what is one decision sends an Idempotency-Key: then nothing else counts. What can be repeated without harm
    and about no state in particular (pause, resume) has an id of its own each time.
    """
    about = [key] if key is not None else _about(command, now)
    if about is None:
        return f"{name}-{uuid_utils.uuid4()}"
    asked = {"command": command.model_dump(mode="json"), "about": about, "run": now.job.run_id if key is None else None}
    return f"{name}-{hashlib.sha256(rfc8785.dumps(asked)).hexdigest()}"


def _about(command: Command, now: Current) -> list[str | None] | None:
    """What of the job's state makes the same words another decision; None where nothing does."""
    if isinstance(command, _ABOUT_A_PARK):
        return [now.newest.get(JournalType.STEP_PARKED)] if now.may_be_parked else None
    if isinstance(command, ApproveCommand):
        return [now.newest.get(JournalType.JOB_RETRY_REQUESTED)]
    if isinstance(command, DeliverCommand):
        return [now.newest.get(JournalType.STEP_WAITING), now.newest.get(JournalType.STEP_DELIVERED)]
    return None
