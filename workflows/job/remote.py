"""When a round goes on in another activity: after a deployment cut it off, and for steps never repeated blindly."""

from dataclasses import dataclass, replace
from datetime import timedelta

from temporalio import workflow

from perdure.contract.backoff import base_delay
from perdure.contract.effect import effect_unknown
from perdure.contract.error import ErrorClass
from perdure.contract.ledger import SHUTDOWN
from perdure.contract.state import Effect
from perdure.contract.step_call import StepInput
from workflows.job.outcome import Failed, failure, no_time_left
from workflows.job.state import JobRun
from workflows.job.unit import Unit

TOTAL_TIMEOUT = "STEP.TOTAL_TIMEOUT"


@dataclass(frozen=True, slots=True)
class Again:
    """The round goes on after `delay`, with the attempts of this failure behind it."""

    failed: Failed
    delay: timedelta


def after_failure(job: JobRun, unit: Unit, call: StepInput, failed: Failed) -> Again | Failed:
    """Whether a round whose activity failed for good goes on in another one; else its failure."""
    if call.effect is Effect.AT_MOST_ONCE:
        return _at_most_once(job, unit, call, failed)
    # Temporal counts what a deployment cut off, the policy does not.
    cut_off = failed.ledger.interrupted > 0 and _may_repeat(call, failed)
    return _again(call, failed) if cut_off else failed


def _at_most_once(job: JobRun, unit: Unit, call: StepInput, failed: Failed) -> Again | Failed:
    # Temporal makes a single attempt of these, so that it cannot repeat one that was lost.
    if effect_unknown(failed.error) and failed.error.error_class.retryable:
        message = f"an attempt may have taken effect, so it is not repeated: {failed.error.message}"
        details = {"code": failed.error.code}
        unknown = failure(job, unit, "STEP.EFFECT_UNKNOWN", ErrorClass.LOST, message, details)
        return replace(failed, error=unknown.error)
    return _again(call, failed) if _may_repeat(call, failed) else failed


def _may_repeat(call: StepInput, failed: Failed) -> bool:
    tries_left = bool(failed.ledger.records) and failed.ledger.tries < call.retry.maximum_attempts
    return tries_left and failed.error.error_class.retryable and not failed.final


def _again(call: StepInput, failed: Failed) -> Again:
    if failed.error.code == SHUTDOWN:
        return Again(failed, timedelta(0))
    planned = failed.ledger.records[-1].next_retry_at
    delay = planned - workflow.now() if planned else base_delay(call.retry, failed.ledger.tries)
    return Again(failed, delay)


def given_up(job: JobRun, unit: Unit, call: StepInput, last: Failed) -> Failed:
    """How a round ends that a person gave up after `last`."""
    # That surely took no effect, else it would not have been repeated: another error would ask for `force`.
    return last if call.effect is Effect.AT_MOST_ONCE else in_words(job, unit, no_time_left(job, unit, last))


def in_words(job: JobRun, unit: Unit, failed: Failed) -> Failed:
    """The failure; where a person gave the round up it says so, and of no time that would have been up."""
    if failed.error.code != TOTAL_TIMEOUT or not job.backoffs.is_last(unit):
        return failed
    last = failed.error.details.get("code")
    told = f"; the last one failed with {last}" if last else ""
    message = f"it was given up: no further attempt is made{told}"
    given = failure(job, unit, TOTAL_TIMEOUT, failed.error.error_class, message, failed.error.details)
    return replace(failed, error=given.error)
