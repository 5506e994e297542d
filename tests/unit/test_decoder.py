"""Decoding Temporal's events: through the converter and its codec, whatever the payloads hold."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, TimeoutType
from temporalio.api.history.v1 import HistoryEvent as Event
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec
from temporalio.exceptions import ApplicationError

from perdure.contract.state import JobStatus
from perdure.projection import fold
from perdure.projection.decoder import decode_events
from perdure.projection.history import UNDECODABLE, HistoryEvent
from perdure.projection.payload import PayloadReader, timeout_name
from tests.unit.fold_check import check_journal

HISTORIES = Path(__file__).parents[1] / "replay" / "histories"


class Reversing(PayloadCodec):
    """A codec as an encrypting one would be: without it nothing can be read."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload(metadata={"encoding": b"binary/reversed"}, data=p.SerializeToString()[::-1]) for p in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        if any(p.metadata["encoding"] != b"binary/reversed" for p in payloads):
            raise RuntimeError("not ours")
        return [Payload.FromString(p.data[::-1]) for p in payloads]


CODED = DataConverter(
    payload_converter_class=PydanticPayloadConverter,
    payload_codec=Reversing(),
    failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
)


def raw_event(type_: EventType.ValueType) -> Event:
    event = Event(event_id=7, event_type=type_)
    event.event_time.FromDatetime(datetime(2026, 11, 22, tzinfo=UTC))
    return event


async def one(event: Event, converter: DataConverter = pydantic_data_converter) -> HistoryEvent:
    (decoded,) = await decode_events(converter, [event])
    return decoded


@pytest.mark.parametrize("number", EventType.values())
async def test_an_event_of_any_type_without_any_attribute_is_decoded(number: EventType.ValueType) -> None:
    decoded = await one(raw_event(number))
    assert decoded.event_id == 7
    assert decoded.at == datetime(2026, 11, 22, tzinfo=UTC)
    assert decoded.type == EventType.Name(number).removeprefix("EVENT_TYPE_")
    fold.apply(fold.start("default:x", "run"), decoded)


async def test_a_type_of_a_newer_server_is_decoded_to_its_number() -> None:
    decoded = await one(Event(event_id=1, event_type=EventType.ValueType(9999)))
    assert (decoded.type, decoded.data) == ("UNKNOWN_9999", {})


@pytest.mark.parametrize(
    "payload",
    [
        Payload(),
        Payload(metadata={"encoding": b"json/plain"}, data=b"{not json"),
        Payload(metadata={"encoding": b"json/plain"}, data=b'"\\ud800"'),
        Payload(metadata={"encoding": b"json/plain"}, data=b"[" * 100_000),
        Payload(metadata={"encoding": b"binary/plain"}, data=b"\x00\xff"),
        Payload(metadata={"encoding": b"binary/encrypted"}, data=b"\x00\xff"),
        Payload(metadata={"encoding": b"json/protobuf", "messageType": b"no.such.Type"}, data=b"{}"),
        Payload(metadata={"encoding": b"\xff\xfe"}, data=b"x"),
    ],
)
async def test_a_payload_that_cannot_be_read_becomes_a_marker(payload: Payload) -> None:
    event = raw_event(EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    event.activity_task_completed_event_attributes.result.payloads.append(payload)
    result = (await one(event)).data["result"]
    assert result[UNDECODABLE]["bytes"] == len(payload.data)
    json.dumps(result)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"null", None),
        (b"9007199254740993", 9007199254740993),
        (b"1.0", 1.0),
        (b'{"b":1,"a":[true]}', {"b": 1, "a": [True]}),
        ('"😀 אב"'.encode(), "😀 אב"),
    ],
)
async def test_b13_json_comes_through_exactly(data: bytes, value: object) -> None:
    decoded = await PayloadReader(pydantic_data_converter).one(Payload(metadata={"encoding": b"json/plain"}, data=data))
    assert decoded == value
    assert type(decoded) is type(value)


async def test_payloads_and_summaries_go_through_the_codec() -> None:
    event = raw_event(EventType.EVENT_TYPE_TIMER_STARTED)
    event.user_metadata.summary.CopyFrom((await CODED.encode(["nap"]))[0])
    assert (await one(event, CODED)).summary == "nap"
    assert (await one(event)).summary is None


async def test_failures_go_through_the_codec_messages_and_details_too() -> None:
    event = raw_event(EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED)
    failure = event.activity_task_failed_event_attributes.failure
    cause = ApplicationError("inner", type="STEP.INNER")
    error = ApplicationError("outer", {"ledger": 1}, type="STEP.OUTER")
    error.__cause__ = cause
    await CODED.encode_failure(error, failure)
    read = (await one(event, CODED)).data["failure"]
    assert (read["kind"], read["message"], read["type"], read["details"]) == (
        "application", "outer", "STEP.OUTER", [{"ledger": 1}],
    )  # fmt: skip
    assert (read["cause"]["message"], read["cause"]["type"]) == ("inner", "STEP.INNER")
    unread = (await one(event)).data["failure"]
    assert (unread["message"], unread["type"]) == ("Encoded failure", "STEP.OUTER")
    assert UNDECODABLE in unread["details"][0]


async def test_causes_are_not_followed_for_ever() -> None:
    event = raw_event(EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED)
    failure = event.activity_task_failed_event_attributes.failure
    for _ in range(50):
        failure.message = "deeper"
        failure = failure.cause
    assert json.dumps((await one(event)).data).count("deeper") == 9


def test_a_timeout_of_a_newer_server_has_its_number_for_a_name() -> None:
    assert (timeout_name(TimeoutType.TIMEOUT_TYPE_HEARTBEAT), timeout_name(77)) == ("HEARTBEAT", "77")


# --- stored histories ---


async def folded(name: str) -> tuple[fold.FoldState, WorkflowHistory]:
    history = WorkflowHistory.from_json("default:job", (HISTORIES / name).read_text())
    events = await decode_events(pydantic_data_converter, history.events)
    state, journal = fold.fold_run("default:job", events[0].data["original_run_id"], events)
    check_journal(history.events, journal)
    return state, history


@pytest.mark.parametrize("name", sorted(path.name for path in HISTORIES.glob("*.json")))
async def test_d1_every_row_of_a_stored_history_says_what_its_event_says(name: str) -> None:
    state, history = await folded(name)
    assert fold.record(state).last_event_id == len(history.events)


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("listed_order", JobStatus.COMPLETED, "4 of 5 steps completed, 1 skipped"),
        ("graph_with_retries", JobStatus.COMPLETED, "all 3 steps completed"),
        ("parked_and_retried", JobStatus.COMPLETED, "all 3 steps completed"),
        ("failed_without_dead_letter", JobStatus.FAILED, "step no failed: STEP.FAILED: no"),
        (
            "expired",
            JobStatus.FAILED,
            "nobody decided before the dead letter expired: step no failed: STEP.FAILED: no",
        ),
        (
            "timed_out",
            JobStatus.TIMED_OUT,
            "ENGINE.JOB_TIMEOUT: the job ran longer than its timeout of 50ms",
        ),
        ("canceled", JobStatus.CANCELED, "canceled by key:ops: enough"),
        ("continued-3", JobStatus.COMPLETED, "all 15 steps completed"),
    ],
)
async def test_a_stored_history_ends_as_it_ended(name: str, status: JobStatus, reason: str) -> None:
    job = fold.record((await folded(f"{name}.json"))[0])
    assert (job.status, job.status_reason) == (status, reason)
    assert all(step.status.final for step in job.steps)


async def test_retries_and_rounds_of_stored_histories_are_counted() -> None:
    retried = fold.record((await folded("graph_with_retries.json"))[0])
    assert (retried.attempts, retried.retry_count) == (5, 2)
    parked = fold.record((await folded("parked_and_retried.json"))[0])
    assert (parked.attempts, parked.retry_count, parked.steps[1].round) == (4, 0, 2)
    assert [(a.round, a.attempt, a.outcome) for a in parked.steps[1].attempts] == [
        (1, 1, "FAILED"), (2, 1, "COMPLETED"),
    ]  # fmt: skip


async def test_b7_runs_that_continue_each_other_are_one_chain() -> None:
    states = [(await folded(f"continued-{number}.json"))[0] for number in (1, 2, 3)]
    first, second, third = states
    assert (first.continued_to, second.continued_to) == (second.run_id, third.run_id)
    assert (second.continued_from, third.continued_from) == (first.run_id, second.run_id)
    assert {state.first_run_id for state in states} == {first.run_id}
    assert [fold.record(state).attempts for state in states] == [7, 14, 15]
