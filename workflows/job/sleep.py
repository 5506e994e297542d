"""The `SLEEP` step: a durable timer that holds no worker and survives continue-as-new."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow

from perdure.contract.duration import LONGEST
from perdure.contract.error import ErrorClass
from perdure.contract.model import first_problem
from perdure.contract.sleep import SleepParams
from perdure.contract.state import StepStatus
from workflows.job.outcome import Completed, Failed, failure
from workflows.job.state import JobRun
from workflows.job.unit import Unit

OVER_PATCH = "what-has-slept-completes"
FAR_PATCH = "no-sleep-beyond-a-year"
TOO_FAR = f"$.until: must be at most {LONGEST.days} days after the step begins"


async def sleep(job: JobRun, unit: Unit, params: Any) -> Completed | Failed:
    """Wait as the parameters say. A time that has passed ends the step at once."""
    if unit.wake_at is None:
        try:
            wait = SleepParams.model_validate(params, strict=False)
        except ValidationError as problem:
            return failure(job, unit, "STEP.PARAMETERS", ErrorClass.PERMANENT, first_problem(problem))
        # Without the patch such a sleep ends after 365 days, before its time.
        if wait.is_too_far(workflow.now()) and workflow.patched(FAR_PATCH):
            return failure(job, unit, "STEP.PARAMETERS", ErrorClass.PERMANENT, TOO_FAR)
        unit.wake_at = wait.wake_at(workflow.now()).isoformat()
    unit.status = StepStatus.WAITING
    left = datetime.fromisoformat(unit.wake_at) - workflow.now()
    # Always a timer, however short: its two events are how the fold sees the unit.
    await workflow.sleep(max(left, timedelta(milliseconds=1)), summary=unit.name)
    unit.wake_at = None
    return Completed(None)


def is_over(unit: Unit) -> bool:
    """Whether the unit has slept its time, so that its timer is in the history, or about to be, as fired.

    The SDK runs what signals and updates ask for before it hands out the timers of the same workflow task. A sleep
    stopped just then would be canceled here and completed in the history, and nobody would undo it.
    """
    if unit.wake_at is None or unit.operation.type != "SLEEP" or unit.status is not StepStatus.WAITING:
        return False
    return datetime.fromisoformat(unit.wake_at) <= workflow.now() and workflow.patched(OVER_PATCH)
