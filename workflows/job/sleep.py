"""The `SLEEP` step: a durable timer that holds no worker and survives continue-as-new."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow

from perdure.contract.error import ErrorClass
from perdure.contract.model import first_problem
from perdure.contract.sleep import SleepParams
from perdure.contract.state import StepStatus
from workflows.job.outcome import Completed, Failed, failure
from workflows.job.state import JobRun, StepRun


async def sleep(job: JobRun, step: StepRun, params: Any) -> Completed | Failed:
    """Wait as the parameters say. A time that has passed ends the step at once."""
    if step.wake_at is None:
        try:
            wait = SleepParams.model_validate(params, strict=False)
        except ValidationError as problem:
            return failure(job, step, "STEP.PARAMETERS", ErrorClass.PERMANENT, first_problem(problem))
        step.wake_at = wait.wake_at(workflow.now()).isoformat()
    step.status = StepStatus.WAITING
    left = datetime.fromisoformat(step.wake_at) - workflow.now()
    # Always a timer, however short: its two events are how the fold sees the step.
    await workflow.sleep(max(left, timedelta(milliseconds=1)), summary=step.id)
    step.wake_at = None
    return Completed(None)
