"""A batch of local tries in the worker: each goes through the wrapper and is an entry of the result."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import httpx
import pytest
import structlog
from pydantic import BaseModel
from temporalio.testing import ActivityEnvironment

from activities import local
from activities.local import local_tries
from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.steps import BUILT_IN
from perdure.contract.local_first import LocalBatch, LocalCall, LocalResult
from perdure.contract.step_call import SecretPart, SecretSlot
from perdure.steps import StepContext, step
from perdure.steps.definition import StepDefinition, definition_of
from tests.integration.activities.harness import call_of

KNOWN = [definition_of(function) for function in BUILT_IN]


def say(id_: str, *after: str, **changes: Any) -> LocalCall:
    return LocalCall(id=id_, call=call_of("LOG", {"message": id_}, step_id=id_, **changes), after=list(after))


def compute(id_: str, expression: str, *after: str, **roots: Any) -> LocalCall:
    params = {"expression": expression, "roots": roots}
    return LocalCall(id=id_, call=call_of("COMPUTE", params, step_id=id_), after=list(after))


async def make(
    *calls: LocalCall, known: Sequence[StepDefinition] = KNOWN, environment: ActivityEnvironment | None = None
) -> LocalResult:
    env = environment or ActivityEnvironment()
    env.info = replace(env.info, is_local=True)
    async with httpx.AsyncClient() as http:
        runtime = StepRuntime(worker="test/1", http=http, secrets=SecretStore({"PERDURE_SECRET_PIN": "hunter2-pin"}))
        return await env.run(local_tries(known, runtime), LocalBatch(tries=list(calls)))


def told(result: LocalResult) -> list[tuple[str, str]]:
    return [(each.id, str(each.record.outcome)) for each in result.tries]


async def test_each_try_is_an_entry_with_its_output_worker_and_times() -> None:
    result = await make(compute("a", "1 + 1"), say("b", "a"), compute("c.7.r2", "input.n", "b", input={"n": [7]}))
    assert told(result) == [("a", "COMPLETED"), ("b", "COMPLETED"), ("c.7.r2", "COMPLETED")]
    assert [each.output for each in result.tries] == [2, None, [7]]
    assert {each.record.worker for each in result.tries} == {"test/1"}


async def test_no_try_begins_before_the_one_ahead_of_it_ended() -> None:
    records = [each.record for each in (await make(*(say(f"s{n}") for n in range(20)))).tries]
    for before, after in pairwise(records):
        assert before.started_at is not None
        assert before.ended_at is not None
        assert after.started_at is not None
        assert before.started_at <= before.ended_at <= after.started_at


async def test_a_failure_stops_what_follows_it_and_nothing_else() -> None:
    calls = [
        compute("bad", "1 / 0"),
        say("after", "bad"),
        say("later", "after"),
        say("other"),
        say("both", "other", "bad"),
    ]
    result = await make(*calls)
    assert told(result) == [("bad", "FAILED"), ("other", "COMPLETED")]
    failed = result.tries[0]
    assert failed.record.error is not None
    assert (failed.record.error.code, failed.final) == ("ENGINE.EXPRESSION", True)


async def test_one_that_returns_too_much_leaves_the_others_alone() -> None:
    result = await make(compute("much", "input", input="x" * 40_000), say("next"))
    assert told(result) == [("much", "FAILED"), ("next", "COMPLETED")]
    assert result.tries[0].record.error is not None
    assert result.tries[0].record.error.code == "STEP.OUTPUT_TOO_LARGE"


class Anything(BaseModel, extra="allow"):
    pass


@pytest.mark.parametrize("raised", [SystemExit(3), KeyError("x"), MemoryError(), asyncio.CancelledError()])
async def test_a_poisoned_try_is_told_and_leaves_the_others_alone(raised: BaseException) -> None:
    async def poisoned(ctx: StepContext, params: Anything) -> None:
        if ctx.step_id == "bad":
            raise raised

    result = await make(say("a"), say("bad"), say("c"), known=[definition_of(step("LOG")(poisoned))])
    assert told(result) == [("a", "COMPLETED"), ("bad", "FAILED"), ("c", "COMPLETED")]
    assert result.tries[1].record.error is not None
    assert result.tries[1].record.error.code == "STEP.INTERNAL"


async def test_what_is_left_when_time_is_up_is_not_begun_but_the_first_always_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "LOCAL_SECONDS", 0)
    assert told(await make(say("a"), say("b"), say("c"))) == [("a", "COMPLETED")]


async def test_what_is_left_when_the_result_is_full_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LOCAL_RESULT_BYTES", 40_000)
    result = await make(*(compute(f"s{n}", "input", input="x" * 15_000) for n in range(5)))
    assert len(result.tries) == 3


async def test_a_slow_try_is_given_up_as_it_would_be_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(ctx: StepContext, params: Anything) -> None:
        await asyncio.sleep(3600)

    call = say("a", timeout="20ms")
    result = await make(call, say("b", "a"), known=[definition_of(step("LOG")(slow))])
    assert told(result) == [("a", "TIMED_OUT")]


async def test_a_batch_that_is_stopped_tells_nothing() -> None:
    begun = asyncio.Event()

    async def slow(ctx: StepContext, params: Anything) -> None:
        begun.set()
        await asyncio.sleep(3600)

    env = ActivityEnvironment()
    running = asyncio.create_task(make(say("a"), say("b"), known=[definition_of(step("LOG")(slow))], environment=env))
    await asyncio.wait_for(begun.wait(), 30)
    env.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 30)


async def test_others_have_their_turn_while_a_batch_is_made() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await make(*(say(f"s{n}") for n in range(30)))
    counting.cancel()
    assert turns >= 30


async def test_a_secret_is_masked_in_its_own_line_and_kept_out_of_the_others() -> None:
    slot = SecretSlot(path=["message"], parts=[SecretPart(text="pin "), SecretPart(secret="PIN")])
    secret = say("secret")
    secret = secret.model_copy(
        update={"call": secret.call.model_copy(update={"secrets": [slot], "params": {"message": None}})}
    )
    with structlog.testing.capture_logs() as lines:
        result = await make(say("a"), secret, say("b"))
    assert [line["event"] for line in lines if line["event"] != "step attempt ended"] == ["a", "pin ***", "b"]
    assert {(line["step_id"], line["attempt"]) for line in lines} == {("a", 1), ("secret", 1), ("b", 1)}
    assert "hunter2" not in result.model_dump_json()
