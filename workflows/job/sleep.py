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
from workflows.job.state import JobRun
from workflows.job.unit import Unit


async def sleep(job: JobRun, unit: Unit, params: Any) -> Completed | Failed:
    """Wait as the parameters say. A time that has passed ends the step at once."""
    if unit.wake_at is None:
        try:
            wait = SleepParams.model_validate(params, strict=False)
        except ValidationError as problem:
            return failure(job, unit, "STEP.PARAMETERS", ErrorClass.PERMANENT, first_problem(problem))
        unit.wake_at = wait.wake_at(workflow.now()).isoformat()
    unit.status = StepStatus.WAITING
    left = datetime.fromisoformat(unit.wake_at) - workflow.now()
    # Always a timer, however short: its two events are how the fold sees the unit.
    await workflow.sleep(max(left, timedelta(milliseconds=1)), summary=unit.name)
    unit.wake_at = None
    return Completed(None)
