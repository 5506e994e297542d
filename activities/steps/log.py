"""`LOG`: one structured line in the worker's log."""

from perdure.steps import StepContext, step
from perdure.steps.parameter.log import LogParams


@step("LOG")
async def log(ctx: StepContext, params: LogParams) -> None:
    """The fields stay apart from those of the engine, so that a job cannot forge a line of another one."""
    getattr(ctx.log, params.level)(params.message, fields=params.fields)
