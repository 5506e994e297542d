"""The local activity that makes a batch of tries of cheap steps, within the workflow task (decision 0025).

Each try goes through the same wrapper as an attempt of a regular activity. How it went is an entry of the result; what
is left when time or room is up is not begun, and the workflow asks for it again. The wrapper registers it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.runtime import StepRuntime
from activities.trace import traced_attempt
from perdure.contract.ledger import AttemptRecord
from perdure.contract.local_first import (
    LOCAL_OUTPUT_BYTES,
    LOCAL_RESULT_BYTES,
    LOCAL_SECONDS,
    LocalBatch,
    LocalCall,
    LocalResult,
    LocalTry,
)
from perdure.contract.name import ACTIVITY_LOCAL
from perdure.contract.step_call import StepFailure, StepInput
from perdure.steps.definition import StepDefinition

LocalActivity = Callable[[LocalBatch], Awaitable[LocalResult]]


def local_tries(definitions: Sequence[StepDefinition], runtime: StepRuntime) -> LocalActivity:
    """The activity, for those of the step types that may be tried locally."""
    cheap = {each.name: each for each in definitions if each.name in LOCAL_OUTPUT_BYTES}

    @activity.defn(name=ACTIVITY_LOCAL)
    async def run(batch: LocalBatch) -> LocalResult:
        return await _make(batch.tries, cheap, runtime)

    return run


async def _make(calls: Sequence[LocalCall], cheap: dict[str, StepDefinition], runtime: StepRuntime) -> LocalResult:
    clock = asyncio.get_running_loop().time
    began = clock()
    made: list[LocalTry] = []
    completed: set[str] = set()
    size, cut_short = 0, False
    for each in calls:
        # The first is always made, so that every batch gets the job on.
        cut_short = bool(made) and (clock() - began >= LOCAL_SECONDS or size >= LOCAL_RESULT_BYTES)
        if cut_short:
            break
        if not completed.issuperset(each.after):
            continue
        found = await _try(each, cheap[each.call.step_type], runtime)
        made.append(found)
        size += len(found.model_dump_json(by_alias=True, exclude_none=True))
        if found.record.error is None:
            completed.add(each.id)
        # Cheap steps do not wait for anything: without this nothing else in the worker would have its turn.
        await asyncio.sleep(0)
    return LocalResult(tries=made, took_ms=round((clock() - began) * 1_000), cut_short=cut_short)


async def _try(wanted: LocalCall, definition: StepDefinition, runtime: StepRuntime) -> LocalTry:
    try:
        result = await traced_attempt(definition, runtime, _within_bounds(wanted.call))
    except ApplicationError as raised:
        return LocalTry(id=wanted.id, record=_record(raised), final=raised.non_retryable)
    return LocalTry(id=wanted.id, record=result.ledger.records[-1], output=result.output)


def _record(raised: ApplicationError) -> AttemptRecord:
    failure = raised.details[0]
    assert isinstance(failure, StepFailure)  # noqa: S101  the wrapper raises nothing else
    return failure.ledger.records[-1]


def _within_bounds(call: StepInput) -> StepInput:
    allowed = LOCAL_OUTPUT_BYTES[call.step_type]
    if call.limits.output_bytes <= allowed:
        return call
    return call.model_copy(update={"limits": call.limits.model_copy(update={"output_bytes": allowed})})
