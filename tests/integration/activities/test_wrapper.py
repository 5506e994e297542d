"""The step wrapper on a real Temporal server: ledger, retries, limits, cancel."""

import asyncio
import hashlib
import time
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from pydantic import BaseModel
from temporalio.client import Client

from activities.secret import SecretStore
from perdure.contract.limit import JobLimits
from perdure.contract.spec import RetryPolicy
from perdure.contract.step_call import SecretPart, SecretSlot
from perdure.steps import ErrorClass, StepContext, StepError, step
from perdure.steps.definition import StepDefinition, definition_of
from tests.integration.activities.harness import (
    QUICK,
    call_of,
    finish,
    runtime_with,
    start,
    worker,
)
from tests.integration.activities.partner import Answer, Partner


class Anything(BaseModel, extra="allow"):
    pass


def plugin(function: Any, name: str = "PLUGIN") -> StepDefinition:
    return definition_of(step(name)(function))


async def test_three_attempts_are_in_the_ledger_with_their_errors(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    failed: list[tuple[str, str]] = []
    runtime = runtime_with(http, on_attempt=lambda job, run: failed.append((job, run)))
    call = call_of("FAIL", {"code": "STEP.TRY", "class": "TRANSIENT", "times": 2, "message": "not yet"})
    async with worker(client, runtime, queue):
        ended = await finish(client, queue, call)
    assert ended.result is not None
    assert ended.result.output == {"attempts": 3}
    assert ended.outcomes == ["FAILED", "FAILED", "COMPLETED"]
    assert [record.attempt for record in ended.ledger.records] == [1, 2, 3]
    assert ended.ledger.count == 3
    first, _, last = ended.ledger.records
    assert first.error is not None
    assert (first.error.code, first.error.message) == ("STEP.TRY", "not yet")
    assert (first.worker, first.error.fingerprint is not None) == ("test/1", True)
    assert first.started_at is not None
    assert first.ended_at is not None
    assert first.next_retry_at is not None
    assert last.started_at is not None
    assert first.started_at <= first.ended_at <= first.next_retry_at <= last.started_at
    assert (last.error, last.next_retry_at) == (None, None)
    # Each of the two failures is told as it ends, and again as the next attempt begins.
    assert [job for job, _ in failed] == [call.job_id] * 4
    assert all(run for _, run in failed)


async def test_attempts_of_earlier_rounds_count_for_fail(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    call = call_of("FAIL", {"class": "TRANSIENT", "times": 4}, attempts_before=4, round=2)
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert ended.outcomes == ["COMPLETED"]


async def test_exhausted_attempts_end_with_the_whole_ledger(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    call = call_of("FAIL", {"code": "STEP.TRY", "class": "TRANSIENT"})
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert (ended.code, ended.outcomes) == ("STEP.TRY", ["FAILED"] * 4)
    assert [record.next_retry_at is None for record in ended.ledger.records] == [False, False, False, True]


async def test_a_permanent_error_is_not_repeated(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call_of("FAIL", {"class": "PERMANENT"}))
    assert (ended.code, ended.outcomes) == ("STEP.FAILED", ["FAILED"])
    assert ended.ledger.records[0].next_retry_at is None


@pytest.mark.parametrize(("pattern", "attempts"), [("STEP.TRY.*", 1), ("STEP.TRY.A", 1), ("step.try.*", 4)])
async def test_non_retryable_errors_take_wildcards(
    client: Client, http: httpx.AsyncClient, queue: str, pattern: str, attempts: int
) -> None:
    retry = QUICK.model_copy(update={"non_retryable_errors": [pattern]})
    call = call_of("FAIL", {"code": "STEP.TRY.A", "class": "TRANSIENT"}, retry=retry)
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert ended.outcomes == ["FAILED"] * attempts


async def test_backoff_grows_to_the_cap_with_the_jitter_asked_for(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    retry = RetryPolicy(
        initial_interval="100ms", backoff_coefficient=2, maximum_interval="300ms", jitter=0.5, maximum_attempts=5
    )
    call = call_of("FAIL", {"class": "TRANSIENT"}, retry=retry)
    async with worker(client, runtime_with(http, draw=lambda: 1.0), queue):
        ended = await finish(client, queue, call)
    records = ended.ledger.records
    planned = [_ms(later - ended_at) for ended_at, later in _pairs(records, "ended_at", "next_retry_at")]
    assert planned == pytest.approx([150, 300, 300, 300], abs=5)
    starts = [record.started_at for record in records]
    ends = [record.ended_at for record in records]
    waited = [_ms(after - before) for before, after in zip(ends, starts[1:], strict=False) if before and after]
    assert all(wait >= plan - 5 for wait, plan in zip(waited, planned, strict=True))
    assert min(wait - plan for wait, plan in zip(waited, planned, strict=True)) < 850, "none is rounded up"


def _pairs(records: Any, first: str, second: str) -> list[tuple[datetime, datetime]]:
    return [
        (getattr(record, first), getattr(record, second)) for record in records if getattr(record, second) is not None
    ]


def _ms(span: timedelta) -> float:
    return span.total_seconds() * 1000


async def test_the_total_timeout_leaves_no_next_attempt(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    retry = RetryPolicy(initial_interval="10s", maximum_interval="10s")
    call = call_of("FAIL", {"class": "TRANSIENT"}, retry=retry)
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call, total_timeout="2s")
    assert (ended.code, ended.outcomes) == ("STEP.FAILED", ["FAILED"])
    assert ended.ledger.records[0].next_retry_at is None


async def test_retry_after_is_followed_when_longer(
    client: Client, http: httpx.AsyncClient, partner: Partner, queue: str
) -> None:
    partner.answers["/busy"] = [Answer(429, headers={"Retry-After": "1"}), Answer(200, b"ok")]
    call = call_of("HTTP_CALL", {"url": f"{partner.url}/busy", "output": "body"})
    async with worker(client, runtime_with(http), queue):
        ended = await finish(client, queue, call)
    assert ended.result is not None
    assert ended.result.output == "ok"
    first, second = ended.ledger.records
    assert first.error is not None
    assert (first.error.code, str(first.error.error_class)) == ("STEP.HTTP.THROTTLED", "THROTTLED")
    assert first.ended_at is not None
    assert second.started_at is not None
    assert second.started_at - first.ended_at >= timedelta(milliseconds=990)


async def test_a_cancel_while_running_keeps_the_ledger(client: Client, http: httpx.AsyncClient, queue: str) -> None:
    running = asyncio.Event()

    async def wait(ctx: StepContext, params: Anything) -> None:
        running.set()
        if ctx.attempt == 1:
            raise StepError("STEP.TRY", ErrorClass.TRANSIENT, "once")
        await asyncio.sleep(60)

    async with worker(client, runtime_with(http), queue, [plugin(wait)]):
        handle = await start(client, queue, call_of("PLUGIN", {}), heartbeat_timeout="3s")
        await running.wait()
        running.clear()
        await running.wait()
        await handle.cancel()
        ended = await handle.result()
    assert (ended.code, ended.outcomes) == ("CANCELED", ["FAILED", "CANCELED"])
    assert ended.failure is not None
    assert ended.failure.error.error_class is ErrorClass.CANCELED


async def test_a_step_that_ends_during_its_cancel_has_completed(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    running = asyncio.Event()

    async def tidy(ctx: StepContext, params: Anything) -> bool:
        running.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return ctx.cancelled
        return False

    async with worker(client, runtime_with(http), queue, [plugin(tidy)]):
        handle = await start(client, queue, call_of("PLUGIN", {}), heartbeat_timeout="2s")
        await running.wait()
        await handle.cancel()
        ended = await handle.result()
    assert ended.result is not None
    assert (ended.result.output, ended.outcomes) == (True, ["COMPLETED"])


async def test_an_attempt_past_its_time_is_stopped_and_timed_out(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    stopped_after: list[float] = []

    async def hang_once(ctx: StepContext, params: Anything) -> str:
        began = time.monotonic()
        try:
            await asyncio.sleep(60 if ctx.attempt == 1 else 0)
        except asyncio.CancelledError:
            stopped_after.append(time.monotonic() - began)
            raise
        return "second"

    async with worker(client, runtime_with(http), queue, [plugin(hang_once)]):
        ended = await finish(client, queue, call_of("PLUGIN", {}, timeout="2s"))
    assert ended.outcomes == ["TIMED_OUT", "COMPLETED"]
    (seconds,) = stopped_after
    assert 1.5 < seconds < 30
    error = ended.ledger.records[0].error
    assert error is not None
    assert (error.code, str(error.error_class)) == ("STEP.TIMEOUT", "TIMEOUT")


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


async def test_an_unexpected_exception_is_internal_and_repeated(
    client: Client, http: httpx.AsyncClient, queue: str
) -> None:
    async def broken(ctx: StepContext, params: Anything) -> None:
        if ctx.attempt == 1:
            raise KeyError("lost\x00\ud800")
        raise SystemExit(3)

    retry = QUICK.model_copy(update={"maximum_attempts": 2})
    async with worker(client, runtime_with(http), queue, [plugin(broken)]):
        ended = await finish(client, queue, call_of("PLUGIN", {}, retry=retry))
    assert ended.code == "STEP.INTERNAL"
    first, second = (record.error for record in ended.ledger.records)
    assert first is not None
    assert first.message.startswith("KeyError: ")
    assert first.details["at"].startswith("test_wrapper.py:")
    assert second is not None
    assert second.message == "SystemExit: 3"


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
