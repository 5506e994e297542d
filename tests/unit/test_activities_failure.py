"""What the wrapper makes of whatever leaves a step, and of what earlier attempts left behind."""

import asyncio
import base64
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from temporalio.activity import ActivityCancellationDetails, Info
from temporalio.testing import ActivityEnvironment

from activities.failure import explain, to_info
from activities.inheritance import continued, inherit, read_heartbeat
from activities.mask import Mask
from activities.output import json_flaw, to_output
from perdure.contract.error import ErrorClass, PerdureError
from perdure.contract.ledger import AttemptLedger, AttemptRecord, Heartbeat
from perdure.contract.spec import RetryPolicy
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepInput
from perdure.steps import StepError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CALL = StepInput(
    job_id="default:1",
    job_name="n",
    job_type="INLINE",
    tenant="default",
    step_id="one",
    step_type="LOG",
    params={},
    idempotency_key="default:1/one",
    retry=RetryPolicy(),
    timeout="60s",
)


def told(raised: BaseException, *, expired: bool = False, **stopped: bool) -> tuple[str, str, str]:
    details = ActivityCancellationDetails(**stopped) if stopped else None
    failure = explain(raised, stopped=details, expired=expired, timeout="60s")
    return str(failure.outcome), failure.error.code, str(failure.error.error_class)


STOPPED = asyncio.CancelledError()
OWN = StepError("STEP.X", ErrorClass.THROTTLED, "busy")


@pytest.mark.parametrize(
    ("raised", "why", "expected"),
    [
        (STOPPED, {"cancel_requested": True}, ("CANCELED", "CANCELED", "CANCELED")),
        (OWN, {"cancel_requested": True}, ("CANCELED", "CANCELED", "CANCELED")),
        (STOPPED, {"cancel_requested": True, "worker_shutdown": True}, ("CANCELED", "CANCELED", "CANCELED")),
        (STOPPED, {"worker_shutdown": True}, ("LOST", "WORKER.SHUTDOWN", "LOST")),
        (STOPPED, {}, ("FAILED", "STEP.INTERNAL", "INTERNAL")),
        (STOPPED, {"not_found": True, "worker_shutdown": True}, ("LOST", "WORKER.SHUTDOWN", "LOST")),
        (STOPPED, {"not_found": True}, ("LOST", "WORKER.LOST", "LOST")),
        (STOPPED, {"reset": True}, ("LOST", "WORKER.INTERRUPTED", "LOST")),
        (STOPPED, {"timed_out": True}, ("TIMED_OUT", "STEP.TIMEOUT", "TIMEOUT")),
        (TimeoutError(), {"expired": True}, ("TIMED_OUT", "STEP.TIMEOUT", "TIMEOUT")),
        (TimeoutError(), {}, ("FAILED", "STEP.INTERNAL", "INTERNAL")),
        (OWN, {}, ("FAILED", "STEP.X", "THROTTLED")),
        (PerdureError("CANCELED", ErrorClass.PERMANENT, "m"), {}, ("FAILED", "STEP.FAILED", "PERMANENT")),
        (PerdureError("STEP.X", ErrorClass.CANCELED, "m"), {}, ("FAILED", "STEP.FAILED", "PERMANENT")),
        (ValueError("odd"), {}, ("FAILED", "STEP.INTERNAL", "INTERNAL")),
        (BaseExceptionGroup("two", [KeyError("a"), SystemExit(1)]), {}, ("FAILED", "STEP.INTERNAL", "INTERNAL")),
    ],
)
def test_whatever_leaves_a_step_has_an_outcome(
    raised: BaseException, why: dict[str, bool], expected: tuple[str, str, str]
) -> None:
    assert told(raised, **why) == expected


@pytest.mark.parametrize(
    "details",
    [{"x": "y" * 5000}, {"x": object()}, {1: 2}, {"x": float("nan")}, {"x": "\x00"}, {"x": ("a",)}],
)
def test_details_that_cannot_be_kept_are_left_out(details: Any) -> None:
    info = to_info(PerdureError("STEP.X", ErrorClass.PERMANENT, "m", details), CALL, Mask())
    assert list(info.details) == ["omitted"]


def test_details_that_hold_themselves_are_left_out() -> None:
    details: dict[str, Any] = {}
    details["self"] = details
    assert list(to_info(PerdureError("STEP.X", ErrorClass.PERMANENT, "m", details), CALL, Mask()).details) == [
        "omitted"
    ]


def test_messages_are_storable_masked_and_cut() -> None:
    mask = Mask()
    mask.add("hunter22")
    info = to_info(PerdureError("STEP.X", ErrorClass.PERMANENT, "a\x00\ud800 hunter22 " + "x" * 9000), CALL, mask)
    assert info.message.startswith("a? *** xxx")
    assert len(info.message) == 1000
    info.model_dump_json()


# What earlier attempts left behind.


def info(attempt: int, scheduled: datetime) -> Info:
    return replace(
        ActivityEnvironment.default_info(),
        attempt=attempt,
        current_attempt_scheduled_time=scheduled,
        start_to_close_timeout=timedelta(seconds=60),
    )


def opened(attempt: int = 1, at: datetime = NOW) -> AttemptLedger:
    return AttemptLedger().put(AttemptRecord(attempt=attempt, worker="a/1", started_at=at))


@pytest.mark.parametrize(
    ("silent_after", "outcome", "code"),
    [(5, "LOST", "WORKER.LOST"), (50, "LOST", "WORKER.LOST"), (60, "TIMED_OUT", "STEP.TIMEOUT")],
)
def test_an_attempt_left_open_timed_out_or_was_lost(silent_after: int, outcome: str, code: str) -> None:
    # The first backoff is a second.
    next_attempt = info(2, NOW + timedelta(seconds=silent_after + 1))
    (record,) = continued(opened(), 2, next_attempt, CALL).records
    assert (str(record.outcome), record.error and record.error.code) == (outcome, code)
    assert record.ended_at == NOW + timedelta(seconds=silent_after)
    assert record.next_retry_at == next_attempt.current_attempt_scheduled_time
    assert record.worker == "a/1"


def test_a_long_backoff_does_not_make_a_lost_attempt_a_slow_one() -> None:
    call = CALL.model_copy(update={"retry": RetryPolicy(initial_interval="300s")})
    (record,) = continued(opened(), 2, info(2, NOW + timedelta(seconds=310)), call).records
    assert record.outcome is AttemptOutcome.LOST


def test_gaps_are_lost_attempts() -> None:
    ledger = continued(opened(2), 5, info(5, NOW + timedelta(seconds=20)), CALL)
    assert [(record.attempt, str(record.outcome), record.worker) for record in ledger.records] == [
        (2, "LOST", "a/1"),
        (3, "LOST", None),
        (4, "LOST", None),
    ]
    assert [record.attempt for record in continued(AttemptLedger(), 3, info(3, NOW), CALL).records] == [1, 2]
    assert continued(AttemptLedger(), 1, info(1, NOW), CALL).count == 0


def test_a_closed_attempt_stays_as_it_is() -> None:
    closed = AttemptRecord(attempt=1, started_at=NOW, ended_at=NOW, outcome=AttemptOutcome.FAILED)
    ledger = AttemptLedger().put(closed)
    assert continued(ledger, 2, info(2, NOW), CALL) == ledger


def test_a_thousand_lost_attempts_are_counted_and_cut() -> None:
    ledger = continued(AttemptLedger(), 1000, info(1000, NOW), CALL)
    assert (ledger.count, len(ledger.records)) == (999, 23)


def beat(ledger: AttemptLedger, before: int = 0) -> list[Any]:
    return [Heartbeat(ledger=ledger, before=before).model_dump(mode="json", by_alias=True)]


def test_after_a_reset_the_ledger_goes_on_where_it_was() -> None:
    failed = AttemptRecord(attempt=7, started_at=NOW, ended_at=NOW, outcome=AttemptOutcome.FAILED)
    ledger = opened(6).put(failed)
    first = inherit(beat(ledger), info(1, NOW), CALL)
    assert (first.before, first.ledger.records[-1]) == (7, failed)
    eighth = AttemptRecord(attempt=8, started_at=NOW, ended_at=NOW, outcome=AttemptOutcome.FAILED)
    second = inherit(beat(ledger.put(eighth), first.before), info(2, NOW), CALL)
    assert (second.before, [record.attempt for record in second.ledger.records]) == (7, [6, 7, 8])
    again = inherit(beat(ledger.put(eighth), first.before), info(1, NOW), CALL)
    assert again.before == 8


def test_without_a_heartbeat_numbers_go_on_from_what_the_workflow_knows() -> None:
    call = CALL.model_copy(update={"before": opened(1).put(AttemptRecord(attempt=2, outcome=AttemptOutcome.FAILED))})
    assert inherit([], info(1, NOW), call).before == 2
    assert [record.attempt for record in inherit([], info(3, NOW), call).ledger.records] == [1, 2, 3, 4]


@pytest.mark.parametrize("details", [[], [None], ["x"], [{"other": 1}], [{"ledger": {"count": "many"}}]])
def test_foreign_heartbeats_are_no_obstacle(details: list[Any]) -> None:
    assert read_heartbeat(details).ledger == AttemptLedger()


def test_a_heartbeat_comes_back_as_it_went() -> None:
    beat = Heartbeat(ledger=opened(), checkpoint={"row": 1}, progress=0.5)
    assert read_heartbeat([beat.model_dump(mode="json", by_alias=True)]) == beat


# Masks and outputs.


@pytest.mark.parametrize(
    "text",
    [
        "key=s3cr%2Bt%2F%26%22",
        'sent {"k": "s3cr+t/&\\""}',
        'plain s3cr+t/&" end',
        "basic czNjcit0LyYi",
    ],
)
def test_every_spelling_of_a_secret_is_masked(text: str) -> None:
    mask = Mask()
    mask.add('s3cr+t/&"')
    assert "s3cr" not in mask.text(text)
    assert "czNj" not in mask.text(text)
    assert "***" in mask.text(text)


@pytest.mark.parametrize("before", ["", "u", "user", "user:", "a:b:c:"])
@pytest.mark.parametrize("behind", ["", "@", " and more"])
def test_a_secret_is_masked_wherever_it_stands_in_base64(before: str, behind: str) -> None:
    mask = Mask()
    mask.add("hunter22-XYZ")
    left = mask.text(base64.b64encode(f"{before}hunter22-XYZ{behind}".encode()).decode())
    assert "***" in left
    assert not any(spelling in left for spelling in ("aHVudGVy", "h1bnRlcj", "odW50ZXIy"))


def test_a_secret_that_became_a_host_name_is_masked() -> None:
    mask = Mask()
    mask.add("hunter22-XYZ")
    assert mask.text("http://hunter22-xyz.example does not resolve") == "http://***.example does not resolve"


def test_masking_reaches_names_and_depth_and_leaves_the_rest() -> None:
    mask = Mask()
    mask.add("hunter22")
    mask.add("abc")  # too short to be looked for
    value = {"hunter22": ["a hunter22", {"n": 1, "t": True, "none": None}], "abc": "abc"}
    assert mask.json(value) == {"***": ["a ***", {"n": 1, "t": True, "none": None}], "abc": "abc"}


def test_a_secret_inside_another_is_masked_with_it() -> None:
    mask = Mask()
    mask.add("pass")
    mask.add("password")
    assert mask.text("my password") == "my ***"


class Row(BaseModel):
    at: datetime
    outcome: AttemptOutcome


def test_models_become_json() -> None:
    rows = to_output(TypeAdapter(list[Row]), [Row(at=NOW, outcome=AttemptOutcome.LOST)], 1000)
    assert rows == [{"at": "2026-11-22T12:00:00Z", "outcome": "LOST"}]


@pytest.mark.parametrize(
    "value",
    [
        math.inf,
        {"a": [math.nan]},
        "\x00",
        {"\x00": 1},
        "\udfff",
        {"a": object()},
        [[]] * 3 + [b"\xff"],
        pytest.param(10**4300, id="huge"),
    ],
)
def test_what_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(StepError) as refused:
        to_output(TypeAdapter(Any), value, 100_000)
    assert refused.value.code == "STEP.OUTPUT_INVALID"


def test_an_endless_value_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(StepError):
        to_output(TypeAdapter(Any), value, 100_000)


def test_depth_is_bounded_where_the_spec_bounds_it() -> None:
    value: Any = 1
    for _ in range(64):
        value = [value]
    assert json_flaw(value) is None
    assert json_flaw([value]) is not None
