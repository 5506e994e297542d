"""What the attempts before leave to the next one: the ledger so far, what it counts from, and the checkpoint."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import activity

from activities.failure import lost_error, timeout_error, to_info
from activities.mask import Mask
from activities.policy import policy_in_force, time_allowed
from perdure.contract.backoff import base_delay
from perdure.contract.duration import parse_duration
from perdure.contract.ledger import AttemptLedger, AttemptRecord, Heartbeat
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepInput

_SMALLEST_SLACK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Inheritance:
    """`before` counts the attempts that were made before those that Temporal counts now."""

    ledger: AttemptLedger
    before: int
    checkpoint: Any


def inherit(details: Sequence[Any], info: activity.Info, call: StepInput) -> Inheritance:
    """What the heartbeat of the attempt before says, and what it could not say any more."""
    left = read_heartbeat(details)
    ledger, before = (left.ledger, left.before) if left.ledger.count else (call.before, call.before.count)
    newest = ledger.records[-1].attempt if ledger.records else 0
    if newest >= before + info.attempt:  # an operator reset the activity: Temporal counts from 1 again
        before = newest + 1 - info.attempt
    return Inheritance(continued(ledger, before + info.attempt, info, call), before, left.checkpoint)


def read_heartbeat(details: Sequence[Any]) -> Heartbeat:
    """What the attempt before left; empty where there was none, or not one of ours."""
    try:
        return Heartbeat.model_validate_json(json.dumps(details[0])) if details else Heartbeat()
    except ValidationError:
        return Heartbeat()


def continued(ledger: AttemptLedger, number: int, info: activity.Info, call: StepInput) -> AttemptLedger:
    """The ledger with the attempts before `number` that could not close their own record: timed out, or lost."""
    newest = ledger.records[-1] if ledger.records else None
    first_missing = newest.attempt + 1 if newest else 1
    if newest is not None and newest.outcome is None and newest.attempt < number:
        ledger = ledger.put(_left_open(newest, number, info, call))
    for missing in range(first_missing, number):
        error = to_info(lost_error(None), call, Mask())
        ledger = ledger.put(AttemptRecord(attempt=missing, outcome=AttemptOutcome.LOST, error=error))
    return ledger


def _left_open(record: AttemptRecord, number: int, info: activity.Info, call: StepInput) -> AttemptRecord:
    # Temporal scheduled this attempt one backoff, without jitter, after it gave the other one up.
    scheduled = info.current_attempt_scheduled_time
    started = record.started_at or scheduled
    backoff = base_delay(policy_in_force(info, call), max(1, info.attempt - 1))
    ended = max(started, scheduled - backoff)
    allowed = time_allowed(info, call)
    timeout = parse_duration(allowed)
    late = ended - started >= timeout - max(_SMALLEST_SLACK, timeout / 10)
    error = timeout_error(allowed) if late else lost_error(record.worker)
    return record.model_copy(
        update={
            "ended_at": ended,
            "outcome": AttemptOutcome.TIMED_OUT if late else AttemptOutcome.LOST,
            "error": to_info(error, call, Mask()),
            "next_retry_at": scheduled if record.attempt == number - 1 else None,
        }
    )
