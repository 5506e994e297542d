"""What the wrapper hands to a step, and what it makes of what the step gives."""

import hashlib
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from perdure.contract.limit import JobLimits
from perdure.steps import ErrorClass, StepContext, StepError
from tests.integration.activities.harness import call_of, finish, runtime_with, worker
from tests.integration.activities.plugin import Anything, plugin


async def test_the_step_keeps_its_checkpoint_and_shows_its_progress(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async def resume(ctx: StepContext, params: Anything) -> Any:
        if ctx.checkpoint is None:
            ctx.heartbeat(progress="half", checkpoint={"row": 7})
            raise StepError("STEP.TRY", ErrorClass.TRANSIENT, "once")
        ctx.heartbeat(progress="whole")
        return ctx.checkpoint

    async with worker(client, runtime_with(http), queue, [plugin(resume)]):
        ended = await finish(client, queue, call_of("PLUGIN", {}))
    assert ended.result is not None
    assert ended.result.output == {"row": 7}


async def test_an_unknown_step_type_fails_the_attempt_and_is_repeated(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call_of("NOT_HERE", {"a": 1}))
    assert (ended.code, ended.outcomes) == ("WORKER.STEP_TYPE_UNKNOWN", ["FAILED"] * 4)
    assert ended.failure is not None
    assert "'NOT_HERE'" in ended.failure.error.message


async def test_bad_parameters_are_permanent_and_name_the_place(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call_of("HTTP_CALL", {"url": "http://h/", "timeout": 5, "uri": "x"}))
    assert (ended.code, ended.outcomes) == ("STEP.PARAMETERS", ["FAILED"])
    assert ended.failure is not None
    assert "timeout:" in ended.failure.error.message
    assert 'uri: unknown field "uri" (did you mean "url"?)' in ended.failure.error.message


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), "STEP.OUTPUT_INVALID"),
        ("a\x00b", "STEP.OUTPUT_INVALID"),
        ("\ud800", "STEP.OUTPUT_INVALID"),
        ({"x": object()}, "STEP.OUTPUT_INVALID"),
        ("x" * 2000, "STEP.OUTPUT_TOO_LARGE"),
    ],
)
async def test_output_that_cannot_be_kept_is_permanent(
    client: Client, http: httpx.AsyncClient, queue: str, value: Any, code: str
) -> None:
    async def give(ctx: StepContext, params: Anything) -> Any:
        return value

    call = call_of("PLUGIN", {}, limits=JobLimits(output_bytes=1000))
    async with worker(client, runtime_with(http), queue, [plugin(give)]):
        ended = await finish(client, queue, call)
    assert (ended.code, ended.outcomes) == (code, ["FAILED"])


async def test_integers_come_through_exactly(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    numbers = [9007199254740993, -(2**63), 2**64, 10**400, 1.5]

    async def give(ctx: StepContext, params: Anything) -> Any:
        return numbers

    async with worker(client, runtime_with(http), queue, [plugin(give)]):
        ended = await finish(client, queue, call_of("PLUGIN", {}))
    assert ended.result is not None
    assert ended.result.output == numbers


async def test_compute_evaluates_and_hashes(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    expression = {"expression": "input.a * 2 + 0.5", "roots": {"input": {"a": 3}}}
    async with worker(client, runtime_with(http), queue):
        value = await finish(client, queue, call_of("COMPUTE", expression))
        digest = await finish(client, queue, call_of("COMPUTE", {"operation": "hash", "value": {"b": 1, "a": [2.0]}}))
        wrong = await finish(client, queue, call_of("COMPUTE", {"expression": "input.b", "roots": {"input": {}}}))
    assert value.result is not None
    assert value.result.output == 6.5
    assert digest.result is not None
    assert digest.result.output == hashlib.sha256(b'{"a":[2],"b":1}').hexdigest()
    assert (wrong.code, wrong.outcomes) == ("ENGINE.EXPRESSION", ["FAILED"])


@pytest.mark.parametrize(("params", "outcome"), [({"times": 0}, "COMPLETED"), ({"class": "TRANSIENT"}, "FAILED")])
async def test_a_step_runs_as_a_local_activity_too(
    client: Client, http: httpx.AsyncClient, queue: str, params: dict[str, Any], outcome: str
) -> None:
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call_of("FAIL", params), local=True)
    assert ended.outcomes == [outcome]
