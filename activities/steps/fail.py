"""`FAIL`: fails as asked, to try out retries, dead letters and alerts."""

from perdure.steps import ErrorClass, StepContext, StepError, step
from perdure.steps.parameter.fail import FailParams


@step("FAIL")
async def fail(ctx: StepContext, params: FailParams) -> dict[str, int]:
    """`times` counts over all rounds, so that a parked job that is retried can pass."""
    number = ctx.attempts_before + ctx.attempt
    if params.times is None or number <= params.times:
        raise StepError(params.code, ErrorClass(params.error_class), params.message)
    return {"attempts": number}
