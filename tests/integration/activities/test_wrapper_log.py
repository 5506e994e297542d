"""What the wrapper logs of an attempt, and that no secret is in it, nor in the history."""

import asyncio
from typing import Any

import httpx
import pytest
import structlog
from temporalio.client import Client

from activities.secret import SecretStore
from perdure.contract.step_call import SecretPart, SecretSlot
from perdure.steps import StepContext
from tests.integration.activities.harness import QUICK, call_of, finish, runtime_with, start, worker
from tests.integration.activities.partner import Answer, Partner
from tests.integration.activities.plugin import Anything, plugin


async def test_secrets_never_reach_the_history(
    client: Client, http: httpx.AsyncClient, partner: Partner, queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = 's3cr3t/"value"+x'

    async def echo(asked: Any, _writer: Any) -> Answer:
        key = asked.headers["x-key"]
        status = 500 if len(partner.asked) == 1 else 200
        return Answer(status, f'{{"you": "sent", "key": {key!r}}}'.replace("'", '"').encode())

    partner.answers["/echo"] = echo
    runtime = runtime_with(http, secrets=SecretStore({"PERDURE_SECRET_KEY": secret}))
    slots = [
        SecretSlot(path=["headers", "X-Key"], parts=[SecretPart(text="k "), SecretPart(secret="KEY")]),
        SecretSlot(path=["query", "k"], parts=[SecretPart(secret="KEY")]),
    ]
    call = call_of(
        "HTTP_CALL",
        {"url": f"{partner.url}/echo", "headers": {"X-Key": None}, "query": {"k": None}},
        secrets=slots,
    )
    async with worker(client, runtime, queue):
        handle = await start(client, queue, call)
        ended = await handle.result()
    assert [asked.headers["x-key"] for asked in partner.asked] == [f"k {secret}"] * 2
    assert ended.outcomes == ["FAILED", "COMPLETED"]
    history = (await handle.fetch_history()).to_json()
    seen = history + capsys.readouterr().out
    assert ended.ledger.records[0].error is not None
    assert "***" in str(ended.ledger.records[0].error.details["body_excerpt"])
    for spelling in ("s3cr3t", "czNjcjN0"):
        assert spelling not in seen
        assert spelling not in ended.model_dump_json()


async def test_a_missing_secret_is_repeated_for_another_worker(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    slot = SecretSlot(path=["message"], parts=[SecretPart(secret="NOT_HERE")])
    call = call_of("LOG", {"message": None}, secrets=[slot])
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert (ended.code, ended.outcomes) == ("STEP.SECRET_MISSING", ["FAILED"] * 4)


async def test_log_lines_carry_the_job_and_cannot_be_forged(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    call = call_of("LOG", {"message": "hello", "level": "warning", "fields": {"job_id": "other", "event": "x"}})
    with structlog.testing.capture_logs() as lines:
        async with worker(client, runtime_with(http), queue):
            await finish(client, queue, call)
    # An attempt that takes a while on a slow machine says so in between.
    said, ended = [line for line in lines if line["job_id"] == call.job_id and line["event"] != "step attempt started"]
    assert ended["status"] == "COMPLETED"
    assert ended["execution_ms"] >= 0
    assert (said["event"], said["log_level"]) == ("hello", "warning")
    assert said["fields"] == {"job_id": "other", "event": "x"}
    assert (said["step_id"], said["attempt"], said["tenant"]) == ("one", 1, "default")


async def test_an_attempt_that_takes_a_while_says_in_the_log_that_it_runs(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async def slow(_ctx: StepContext, _params: Anything) -> None:
        await asyncio.sleep(1)

    with structlog.testing.capture_logs() as lines:
        async with worker(client, runtime_with(http), queue, [plugin(slow)]):
            await finish(client, queue, call_of("PLUGIN", {}))
    told = [(line["event"], line["status"]) for line in lines if line.get("job_id")]
    assert told == [("step attempt started", "RUNNING"), ("step attempt ended", "COMPLETED")]


async def test_secrets_are_masked_in_log_lines_and_tracebacks(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async def careless(ctx: StepContext, params: Anything) -> None:
        key = ctx.secrets("KEY")
        ctx.log.info("using", key=key, headers={"a": [key]})
        raise ValueError(f"bad key {key}")

    runtime = runtime_with(http, secrets=SecretStore({"PERDURE_SECRET_KEY": "hunter22"}))
    retry = QUICK.model_copy(update={"maximum_attempts": 1})
    with structlog.testing.capture_logs() as lines:
        async with worker(client, runtime, queue, [plugin(careless)]):
            ended = await finish(client, queue, call_of("PLUGIN", {}, retry=retry))
    assert ended.failure is not None
    assert ended.failure.error.message == "ValueError: bad key ***"
    assert "Traceback" in str(lines)
    assert "***" in str(lines)
    assert "hunter22" not in str(lines)
