"""`for_each`: the items of a step, and which of them may run now."""

from collections import deque
from typing import Any

from perdure.contract.error import ErrorClass
from perdure.contract.state import StepStatus
from perdure.expressions import ExpressionError, resolve, resolve_condition
from perdure.expressions.path import describe
from workflows.job.outcome import Failed, Skipped, failure, told
from workflows.job.state import JobRun
from workflows.job.unit import FanOut, StepRun, Unit


def expand(job: JobRun, step: StepRun) -> Skipped | Failed | None:
    """Give a step its items; None, or why it has none."""
    try:
        if step.step.when is not None and not resolve_condition(step.step.when, job.scope()):
            return Skipped("its condition is false")
        values = item_values(job, step)
    except ExpressionError as problem:
        return failure(job, step, problem.code, ErrorClass.PERMANENT, told(problem))
    total = job.item_count + len(values)
    if total > job.limits.items:
        message = f"with {len(values)} items in this step the job has {total}; the limit is {job.limits.items}"
        return failure(job, step, "ENGINE.FAN_OUT_TOO_LARGE", ErrorClass.PERMANENT, message)
    items = [step.item_unit(index, value) for index, value in enumerate(values)]
    step.fan_out = FanOut(items, deque(items), left=len(items))
    return None


def item_values(job: JobRun, step: StepRun) -> list[Any]:
    """What the step runs for. Raises ExpressionError where `items` gives no list."""
    for_each = step.step.for_each
    assert for_each is not None  # noqa: S101  asked for only where there is one
    found = resolve(for_each.items, job.scope()).value
    if not isinstance(found, list):
        raise ExpressionError(f"for_each.items must give a list; it gives {describe(found)}", str(for_each.items))
    return found


def refill(fan_out: FanOut) -> None:
    """Line up again what an earlier run of the job had not ended; waits that were begun go first."""
    begun = [item for item in fan_out.items if item.status is StepStatus.WAITING]
    fan_out.queue.extend(begun)
    fan_out.queue.extend(item for item in fan_out.items if item.status is StepStatus.PENDING)


def admit(step: StepRun) -> list[Unit]:
    """The items that may run now: as many as `max_parallel` has room for."""
    fan_out, for_each = step.fan_out, step.step.for_each
    admitted: list[Unit] = []
    while fan_out and for_each and fan_out.queue and fan_out.running < for_each.max_parallel:
        fan_out.running += 1
        admitted.append(fan_out.queue.popleft())
    return admitted
