"""The contract's pure parts: durations, graph, ledger, fingerprints, effective specs, names."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perdure.contract import graph
from perdure.contract.duration import parse_duration
from perdure.contract.error import ErrorClass, error_info, fingerprint, normalise
from perdure.contract.identifier import UnitId, job_id, step_idempotency_key, tenant_of
from perdure.contract.ledger import KEEP_FIRST, KEEP_LAST, AttemptLedger, AttemptRecord
from perdure.contract.name import activity_id, task_queue
from perdure.contract.spec import JobSpec, effective
from perdure.contract.state import AttemptOutcome


def spec(**fields: Any) -> JobSpec:
    body = {"name": "a job", "steps": [{"id": "a", "type": "LOG"}], **fields}
    return JobSpec.model_validate_json(json.dumps(body))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1ms", timedelta(milliseconds=1)),
        ("250ms", timedelta(milliseconds=250)),
        ("30s", timedelta(seconds=30)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("365d", timedelta(days=365)),
    ],
)
def test_a_duration_means_what_it_says(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "0s", "0ms", "-1s", "1", "1.5s", "s", "1 s", "1S", "366d", "1000000000000s", "9" * 40 + "d", "١s", "01s"],
)
def test_a_duration_out_of_form_or_bounds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


def test_steps_without_depends_on_run_in_listed_order() -> None:
    steps = spec(steps=[{"id": name, "type": "LOG"} for name in "abc"]).steps
    assert graph.dependencies(steps) == {"a": [], "b": ["a"], "c": ["b"]}


def test_one_depends_on_makes_it_a_graph() -> None:
    steps = spec(
        steps=[
            {"id": "a", "type": "LOG"},
            {"id": "b", "type": "LOG"},
            {"id": "c", "type": "LOG", "depends_on": ["b", "a", "b"]},
        ]
    ).steps
    assert graph.dependencies(steps) == {"a": [], "b": [], "c": ["b", "a"]}


def test_steps_on_and_behind_a_cycle_are_unreachable() -> None:
    waits = {"a": [], "b": ["a", "d"], "c": ["b"], "d": ["c"], "e": ["d"], "f": ["f"]}
    assert graph.unreachable(waits) == ["b", "c", "d", "e", "f"]


@given(st.integers(1, 60), st.data())
def test_a_graph_that_only_looks_back_is_reachable(size: int, data: st.DataObject) -> None:
    waits = {
        str(n): [str(m) for m in data.draw(st.sets(st.integers(0, n - 1), max_size=5))] if n else []
        for n in range(size)
    }
    assert graph.unreachable(waits) == []


@given(st.integers(0, 200))
def test_the_ledger_keeps_the_first_the_last_and_the_count(count: int) -> None:
    ledger = AttemptLedger()
    for attempt in range(1, count + 1):
        ledger = ledger.put(AttemptRecord(attempt=attempt)).put(AttemptRecord(attempt=attempt, worker="w"))
    kept = [record.attempt for record in ledger.records]
    everything = list(range(1, count + 1))
    expected = everything if count <= KEEP_FIRST + KEEP_LAST else everything[:KEEP_FIRST] + everything[-KEEP_LAST:]
    assert (ledger.count, kept) == (count, expected)
    assert all(record.worker == "w" for record in ledger.records)


def _ended(attempt: int, code: str, outcome: AttemptOutcome) -> AttemptRecord:
    error_ = error_info(code, ErrorClass.LOST, "m")
    return AttemptRecord(attempt=attempt, outcome=outcome, error=error_)


@given(st.lists(st.booleans(), max_size=60))
def test_interrupted_attempts_count_no_try_even_where_they_are_not_kept(cut_off: list[bool]) -> None:
    ledger = AttemptLedger()
    for attempt, shutdown in enumerate(cut_off, 1):
        code = "WORKER.SHUTDOWN" if shutdown else "WORKER.LOST"
        running = AttemptRecord(attempt=attempt)
        ledger = ledger.put(running).put(running).put(_ended(attempt, code, AttemptOutcome.LOST))
    assert (ledger.count, ledger.interrupted) == (len(cut_off), sum(cut_off))
    assert ledger.tries == cut_off.count(False)


def test_a_step_that_fails_by_itself_with_the_code_of_a_shutdown_used_a_try() -> None:
    ledger = AttemptLedger().put(_ended(1, "WORKER.SHUTDOWN", AttemptOutcome.FAILED))
    assert (ledger.interrupted, ledger.tries) == (0, 1)


def test_a_ledger_of_an_older_version_has_no_interruption() -> None:
    assert AttemptLedger.model_validate_json('{"count": 2, "first": [], "last": []}').tries == 2


def test_versions_of_a_definition_that_fail_alike_share_a_fingerprint() -> None:
    of = [fingerprint(type_, "HTTP_CALL", "STEP.HTTP.5XX", "no") for type_ in ("run@3", "run@4", "run", "other@3")]
    assert of[0] == of[1] == of[2] != of[3]


def test_failures_that_differ_in_their_data_share_a_fingerprint() -> None:
    one = (
        'order 17: GET https://shop.example/orders/17?x=1 gave 500 ("try later") [6f9619ff-8b86-d011-b42d-00cf4fc964ff]'
    )
    two = 'order 9: GET https://other.example/orders/9 gave 500 ("busy") [7f9619ff-8b86-d011-b42d-00cf4fc964aa]'
    assert fingerprint("INLINE", "HTTP_CALL", "STEP.HTTP.5XX", one) == fingerprint(
        "INLINE", "HTTP_CALL", "STEP.HTTP.5XX", two
    )


@pytest.mark.parametrize(
    "other", [("B", "T", "C", "m"), ("J", "B", "C", "m"), ("J", "T", "B", "m"), ("J", "T", "C", "b")]
)
def test_failures_of_another_kind_have_another_fingerprint(other: tuple[str, str, str, str]) -> None:
    assert fingerprint("J", "T", "C", "m") != fingerprint(*other)


@given(st.text())
def test_any_message_can_be_normalised_and_cut(message: str) -> None:
    assert not any(character.isdecimal() and character.isascii() for character in normalise(message))
    assert len(error_info("X", ErrorClass.INTERNAL, message).message) <= 1_000


def test_a_steps_retry_takes_what_it_leaves_out_from_the_job_then_the_defaults() -> None:
    filled = effective(
        spec(
            retry={"maximum_attempts": 7, "jitter": 0},
            steps=[{"id": "a", "type": "LOG", "retry": {"maximum_attempts": 2}}, {"id": "b", "type": "LOG"}],
        )
    )
    first, second = (step.retry for step in filled.steps)
    assert first is not None
    assert second is not None
    assert (first.maximum_attempts, first.jitter, first.initial_interval) == (2, 0, "1s")
    assert (second.maximum_attempts, second.jitter, second.maximum_interval) == (7, 0, "300s")


def test_the_effective_spec_survives_a_round_trip() -> None:
    filled = effective(spec(input={"n": 1.0, "m": [None, "ü"]}, labels={"team": "x"}))
    assert JobSpec.model_validate_json(filled.model_dump_json(by_alias=True)) == filled


@pytest.mark.parametrize(
    "fields",
    [
        {"unknown": 1},
        {"priority": "3"},
        {"priority": 0},
        {"name": " x"},
        {"name": "x\n"},
        {"steps": []},
        {"steps": [{"id": "A", "type": "LOG"}]},
        {"steps": [{"id": "a", "type": "LOG", "retry": {"maximum_attempts": 10**9}}]},
        {"steps": [{"id": "a", "type": "LOG", "retry": {"backoff_coefficient": 0.5}}]},
        {"steps": [{"id": "a", "type": "LOG", "timeout": "0s"}]},
        {"labels": {"a": ""}},
        {"labels": {f"l{n}": "x" for n in range(33)}},
        {"type": "nothing"},
        {"queue": "Not A Queue"},
        {"id": "a/b"},
    ],
)
def test_a_spec_out_of_form_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**fields)


def test_ids_are_put_together_as_documented() -> None:
    assert job_id("acme", "order-1042") == "acme:order-1042"
    assert tenant_of("acme:a:b") == "acme"
    assert step_idempotency_key("acme:x", UnitId("pay")) == "acme:x/pay"
    assert step_idempotency_key("acme:x", UnitId("pay"), 2) == "acme:x/pay#2"
    assert (activity_id("pay", 1), activity_id("pay", 3)) == ("pay", "pay.r3")
    assert task_queue("default") == "perdure-default"


@pytest.mark.parametrize(
    ("tenant", "key"), [("", "a"), ("A", "a"), ("a" * 41, "a"), ("a", ""), ("a", "a b"), ("a", "x" * 201)]
)
def test_ids_out_of_form_are_refused(tenant: str, key: str) -> None:
    with pytest.raises(ValueError, match="is 1-"):
        job_id(tenant, key)
