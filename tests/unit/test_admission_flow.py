"""`for_each`, `catch`, `compensate`, waits and starts in admission: each misuse refused at its place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perdure.admission.admission import admit
from perdure.admission.problem import AdmissionError
from perdure.contract.limit import JobLimits
from perdure.expressions.limit import SCHEMA_BYTES
from tests.unit.test_admission_spec import message, problems, spec, step

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def each(items: Any, id_: str = "a", **fields: Any) -> dict[str, Any]:
    return step(id_, for_each={"items": items}, **fields)


def child(job: Any, id_: str = "child", **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": "JOB", "with": {"job": job}, **fields}


def wait(id_: str = "w", **params: Any) -> dict[str, Any]:
    return {"id": id_, "type": "WAIT", "with": {"name": "paid", **params}}


def undo(type_: str = "LOG", **params: Any) -> dict[str, Any]:
    return {"type": type_, "with": params or {"message": "undone"}}


ADMITTED: dict[str, Any] = {
    "items from an expression": spec(each("${ input.rows }")),
    "items with expressions in them": spec(each(["${ input.a }", 2, {"b": "${ job.id }"}])),
    "no items": spec(each([])),
    "10,000 items": spec(each([1] * 10_000)),
    "10,000 items in all": spec(each([1] * 5_000), each([1] * 5_000, "b")),
    "item and index": spec(
        {
            **each([1]),
            "with": {"message": "${ item } of ${ index }"},
            "catch": [{"output": {"item": "${ item }", "index": "${ index }"}}],
            "compensate": undo(message="${ item }"),
        }
    ),
    "item in COMPUTE": spec({**each([1]), "type": "COMPUTE", "with": {"expression": "item + index"}}),
    "item for a child": spec(child(spec(input="${ item }"), for_each={"items": "${ input }"})),
    "a fan-out of children that fan out": spec(child(spec(each([1] * 100)), for_each={"items": [1] * 100})),
    "caught with its error": spec(step("a", catch=[{"errors": ["STEP.HTTP.*"], "output": "${ steps.a.error.code }"}])),
    "caught, then the rest": spec(step("a", catch=[{"errors": ["STEP.*", "My-Code_1"]}, {"errors": ["*"]}])),
    "caught and continued": spec(step("a", catch=[{"output": None}], continue_on_error=True)),
    "undone with its output": spec(
        step("a"), step("b", compensate=undo(message="${ steps.b.output } ${ steps.a.output }"))
    ),
    "undone with a secret": spec(step("a", compensate=undo("HTTP_CALL", url="https://x.example/${ secrets.KEY }"))),
    "undone by COMPUTE": spec(step("a", compensate=undo("COMPUTE", expression="steps.a.output"))),
    "a sleep undone": spec(step("a", "SLEEP", {"duration": "1s"}, compensate=undo())),
    "waits": spec(wait(schema={"const": "${ literal"}, timeout="${ input.patience }", on_timeout="continue")),
    "approval": spec({"id": "a", "type": "APPROVAL", "with": {"roles": ["operator"], "message": "${ input.text }"}}),
    "approval by anybody": spec({"id": "a", "type": "APPROVAL"}),
    "defaults spelled out": spec(
        {"id": "a", "type": "APPROVAL", "timeout": "5m", "retry": {"jitter": 0.2}, "effect": "idempotent"}
    ),
    "at most once": spec(step("a", effect="at_most_once")),
    "start in the past": spec(start_at="2020-01-01T00:00:00Z"),
    "start in a year": spec(start_at="2027-11-22T12:00:00Z"),
    "a sleep until in a year": spec(step("a", "SLEEP", {"until": "2027-11-22T12:00:00Z"})),
    "a sleep until a time that is computed": spec(step("a", "SLEEP", {"until": "${ input.time }"})),
    "delay": spec(delay="365d"),
    "the timeouts in any order": spec(step("a", timeout="1h", total_timeout="1m", heartbeat_timeout="2h")),
}


@pytest.mark.parametrize("name", ADMITTED)
def test_b5_construct_is_admitted(name: str) -> None:
    admitted = admit(ADMITTED[name], now=NOW)
    assert admit(admitted.spec.model_dump(mode="json", by_alias=True), now=NOW).spec == admitted.spec


WITHOUT_ATTEMPTS = {
    "SLEEP": {"duration": "1s"},
    "WAIT": {"name": "paid"},
    "APPROVAL": {},
    "JOB": {"job": spec()},
}


@pytest.mark.parametrize("type_", WITHOUT_ATTEMPTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", "1m"),
        ("total_timeout", "1m"),
        ("heartbeat_timeout", "1m"),
        ("retry", {"maximum_attempts": 2}),
        ("effect", "at_most_once"),
    ],
)
def test_policies_of_attempts_are_refused_where_there_are_none(type_: str, field: str, value: Any) -> None:
    document = spec(step("a", type_, WITHOUT_ATTEMPTS[type_], **{field: value}))
    assert problems(document) == [(f"$.steps[0].{field}", "SPEC.PARAMETER")]
    assert f"so they take no `{field}`" in message(document)


def test_a_job_step_is_told_where_its_time_is_bounded() -> None:
    assert "`with.job.timeout`" in message(spec(child(spec(), timeout="1h")))
    assert "`with.timeout`" in message(spec({**wait(), "timeout": "1h"}))


@pytest.mark.parametrize("type_", WITHOUT_ATTEMPTS)
def test_a_compensation_must_do_something_at_once(type_: str) -> None:
    document = spec(step("a", compensate={"type": type_, "with": WITHOUT_ATTEMPTS[type_]}))
    assert problems(document) == [("$.steps[0].compensate.type", "SPEC.PARAMETER")]
    assert "The types are LOG, COMPUTE, HTTP_CALL, FAIL" in message(document)


def test_the_job_policy_reaches_the_compensation() -> None:
    job = spec(step("a", compensate=undo()), retry={"maximum_attempts": 9})
    (only,) = admit(job).spec.steps
    assert only.compensate is not None
    assert only.compensate.retry is not None
    assert only.compensate.retry.maximum_attempts == 9


def test_the_items_of_a_job_are_those_of_its_limits() -> None:
    with pytest.raises(AdmissionError) as refused:
        admit(spec(each([1] * 11)), JobLimits(items=10))
    assert "at most 10 items together" in refused.value.problems[0].message


def test_how_far_ahead_a_start_is_needs_the_time() -> None:
    document = spec(start_at=(NOW + timedelta(days=366)).isoformat())
    admit(document)
    with pytest.raises(AdmissionError, match="at most 365 days from now"):
        admit(document, now=NOW)


def test_misuses_are_told_all_at_once() -> None:
    document = spec(
        each("rows", catch=[{"errors": ["a b"]}], timeout=5),
        child({"name": "x", "steps": [{"id": "B"}], "id": "own"}, timeout="1h"),
        wait(schema={"type": "strin"}),
    )
    assert set(problems(document)) == {
        ("$.steps[0].for_each.items", "SPEC.EXPRESSION"),
        ("$.steps[0].catch[0].errors[0]", "FIELD.VALUE"),
        ("$.steps[0].timeout", "FIELD.TYPE"),
        ("$.steps[1].timeout", "SPEC.PARAMETER"),
        ("$.steps[1].with.job.id", "FIELD.VALUE"),
        ("$.steps[1].with.job.steps[0].id", "FIELD.VALUE"),
        ("$.steps[1].with.job.steps[0].type", "FIELD.MISSING"),
        ("$.steps[2].with.schema", "SPEC.PARAMETER"),
    }


def test_one_schema_may_fill_the_limit() -> None:
    admit(spec(wait(schema={"const": "x" * (SCHEMA_BYTES - 100)})))
