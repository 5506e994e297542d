"""Makes a Temporal activity of every step type; the worker registers what `all_activities` gives."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

from pydantic import BaseModel, TypeAdapter
from temporalio import activity
from temporalio.common import RawValue

from activities.hold_steps import hold_steps
from activities.local import local_tries
from activities.next_attempt import next_attempt
from activities.request_cancel import request_cancel
from activities.runtime import StepRuntime
from activities.steps import BUILT_IN
from activities.trace import traced_attempt
from perdure.contract.error import ErrorClass
from perdure.contract.step_call import StepInput, StepResult
from perdure.steps.context import StepContext
from perdure.steps.definition import StepDefinition, definition_of
from perdure.steps.error import StepError

StepActivity = Callable[[StepInput], Awaitable[StepResult]]


def all_activities(runtime: StepRuntime, plugins: Sequence[StepDefinition] = ()) -> list[Callable[..., Any]]:
    """Every activity of a worker: the built-in steps, those of plugins, unknown steps, and the engine's own."""
    definitions = [*(definition_of(function) for function in BUILT_IN), *plugins]
    steps = [activity_for(definition, runtime) for definition in definitions]
    unknown = unknown_step(runtime, [definition.name for definition in definitions])
    engine: list[Callable[..., Any]] = [local_tries(definitions, runtime), request_cancel, hold_steps, next_attempt]
    return [*steps, unknown, *engine]


def activity_for(definition: StepDefinition, runtime: StepRuntime) -> StepActivity:
    """The activity of one step type."""

    @activity.defn(name=definition.name)
    async def run(call: StepInput) -> StepResult:
        return await traced_attempt(definition, runtime, call)

    return run


def unknown_step(runtime: StepRuntime, known: Sequence[str]) -> Callable[..., Any]:
    """The activity for every type this worker does not have: the attempt fails and is repeated, perhaps elsewhere."""

    async def refuse(ctx: StepContext, _params: Any) -> NoReturn:
        raise StepError(
            "WORKER.STEP_TYPE_UNKNOWN",
            ErrorClass.TRANSIENT,
            f"the worker {runtime.worker} has no step type {ctx.step_type!r}; it has: {', '.join(sorted(known))}. "
            "Install its plugin there, or give the job a queue whose workers have it",
        )

    definition = StepDefinition("UNKNOWN", 1, _Anything, TypeAdapter(Any), refuse)

    @activity.defn(dynamic=True)
    async def run(args: Sequence[RawValue]) -> StepResult:
        call = activity.payload_converter().from_payload(args[0].payload, StepInput)
        # Its secrets may be missing here as well; the type is what a person must know about.
        return await traced_attempt(definition, runtime, call.model_copy(update={"secrets": []}))

    return run


class _Anything(BaseModel, extra="allow"):
    """Parameters nobody will look at."""
