"""Constructs of the flow of a job that are misused: each is refused at its place."""

from typing import Any

import pytest

from perdure.admission.admission import admit
from perdure.admission.problem import AdmissionError
from tests.unit.test_admission_flow import NOW, child, each, undo, wait
from tests.unit.test_admission_spec import spec, step

ONE_PROBLEM: dict[str, tuple[Any, str, str]] = {
    "for_each without items": (spec(step("a", for_each={})), "$.steps[0].for_each.items", "FIELD.MISSING"),
    "for_each as a list": (spec(step("a", for_each=[1])), "$.steps[0].for_each", "FIELD.TYPE"),
    "items as a number": (spec(each(5)), "$.steps[0].for_each.items", "FIELD.TYPE"),
    "items as text": (spec(each("rows")), "$.steps[0].for_each.items", "SPEC.EXPRESSION"),
    "items within text": (spec(each("${ input.rows }!")), "$.steps[0].for_each.items", "SPEC.EXPRESSION"),
    "items that are open": (spec(each("${ input.rows")), "$.steps[0].for_each.items", "SPEC.EXPRESSION"),
    "items of a later step": (
        spec(each("${ steps.b.output }"), step("b")),
        "$.steps[0].for_each.items",
        "SPEC.EXPRESSION",
    ),
    "items of items": (spec(each(["${ item }"])), "$.steps[0].for_each.items[0]", "SPEC.EXPRESSION"),
    "secret items": (spec(each(["${ secrets.A }"])), "$.steps[0].for_each.items[0]", "SPEC.EXPRESSION"),
    "10,001 items": (spec(each([1] * 10_001)), "$.steps[0].for_each.items", "SPEC.LIMIT"),
    "10,001 items in all": (
        spec(each([1] * 9_000), each([1] * 1_001, "b"), each([1], "c")),
        "$.steps[1].for_each.items",
        "SPEC.LIMIT",
    ),
    "0 in parallel": (
        spec(step("a", for_each={"items": [], "max_parallel": 0})),
        "$.steps[0].for_each.max_parallel",
        "FIELD.VALUE",
    ),
    "501 in parallel": (
        spec(step("a", for_each={"items": [], "max_parallel": 501})),
        "$.steps[0].for_each.max_parallel",
        "FIELD.VALUE",
    ),
    "a product past the limit": (
        spec(child(spec(each([1] * 101)), for_each={"items": [1] * 100})),
        "$.steps[0].with.job.steps[0].for_each.items",
        "SPEC.LIMIT",
    ),
    "a product over three levels": (
        spec(child(spec(child(spec(each([1] * 22)), for_each={"items": [1] * 22})), for_each={"items": [1] * 22})),
        "$.steps[0].with.job.steps[0].with.job.steps[0].for_each.items",
        "SPEC.LIMIT",
    ),
    "a product by a dependent": (
        spec(
            child(spec(dependents=[{"name": "d", "job": spec(each([1] * 101))}]), for_each={"items": [1] * 100}),
        ),
        "$.steps[0].with.job.dependents[0].job.steps[0].for_each.items",
        "SPEC.LIMIT",
    ),
    "a product by a dependent's children": (
        spec(
            dependents=[
                {"name": "d", "job": spec(child(spec(each([1] * 101)), for_each={"items": [1] * 100}))},
            ]
        ),
        "$.dependents[0].job.steps[0].with.job.steps[0].for_each.items",
        "SPEC.LIMIT",
    ),
    "item without for_each": (
        spec(step("a", with_={"message": "${ item }"})),
        "$.steps[0].with.message",
        "SPEC.EXPRESSION",
    ),
    "item in a condition": (spec(each([1], when="${ item == 1 }")), "$.steps[0].when", "SPEC.EXPRESSION"),
    "index in the output": (spec(each([1]), output="${ index }"), "$.output", "SPEC.EXPRESSION"),
    "item in a step after it": (
        spec(each([1]), step("b", with_={"message": "${ item }"})),
        "$.steps[1].with.message",
        "SPEC.EXPRESSION",
    ),
    "item in a child's step": (
        spec(child(spec(step("x", with_={"message": "${ item }"})), for_each={"items": [1]})),
        "$.steps[0].with.job.steps[0].with.message",
        "SPEC.EXPRESSION",
    ),
    "index in a catch without for_each": (
        spec(step("a", catch=[{"output": "${ index }"}])),
        "$.steps[0].catch[0].output",
        "SPEC.EXPRESSION",
    ),
    "catch as an object": (spec(step("a", catch={"errors": ["*"]})), "$.steps[0].catch", "FIELD.TYPE"),
    "catch of nothing": (spec(step("a", catch=[{"errors": []}])), "$.steps[0].catch[0].errors", "FIELD.VALUE"),
    "catch of an empty code": (
        spec(step("a", catch=[{"errors": [""]}])),
        "$.steps[0].catch[0].errors[0]",
        "FIELD.VALUE",
    ),
    "catch of a sentence": (
        spec(step("a", catch=[{"errors": ["STEP.HTTP.*", "not found"]}])),
        "$.steps[0].catch[0].errors[1]",
        "FIELD.VALUE",
    ),
    "catch after everything": (
        spec(step("a", catch=[{"errors": ["STEP.A", "**"]}, {"errors": ["STEP.B"]}])),
        "$.steps[0].catch[1]",
        "FIELD.VALUE",
    ),
    "catch after a rule without errors": (
        spec(step("a", catch=[{}, {"errors": ["STEP.B"]}])),
        "$.steps[0].catch[1]",
        "FIELD.VALUE",
    ),
    "21 rules": (spec(step("a", catch=[{"errors": ["A"]}] * 21)), "$.steps[0].catch", "FIELD.LIMIT"),
    "caught with its output": (
        spec(step("a", catch=[{"output": {"x": ["${ steps.a.output }"]}}])),
        "$.steps[0].catch[0].output.x[0]",
        "SPEC.EXPRESSION",
    ),
    "caught with a later step": (
        spec(step("a", catch=[{"output": "${ steps.b.output }"}]), step("b")),
        "$.steps[0].catch[0].output",
        "SPEC.EXPRESSION",
    ),
    "caught with a secret": (
        spec(step("a", catch=[{"output": "${ secrets.A }"}])),
        "$.steps[0].catch[0].output",
        "SPEC.EXPRESSION",
    ),
    "continued as text": (spec(step("a", continue_on_error="yes")), "$.steps[0].continue_on_error", "FIELD.TYPE"),
    "compensation without a type": (spec(step("a", compensate={})), "$.steps[0].compensate.type", "FIELD.MISSING"),
    "compensation of an unknown type": (
        spec(step("a", compensate=undo("UNDO"))),
        "$.steps[0].compensate.type",
        "SPEC.STEP_TYPE_UNKNOWN",
    ),
    "compensation with a bad parameter": (
        spec(step("a", compensate=undo(message="x", colour=1))),
        "$.steps[0].compensate.with.colour",
        "SPEC.PARAMETER",
    ),
    "compensation without a parameter": (
        spec(step("a", compensate={"type": "HTTP_CALL"})),
        "$.steps[0].compensate.with.url",
        "SPEC.PARAMETER",
    ),
    "compensation with a field of steps": (
        spec(step("a", compensate={**undo(), "when": True})),
        "$.steps[0].compensate.when",
        "FIELD.UNKNOWN",
    ),
    "compensation with a billion attempts": (
        spec(step("a", compensate={**undo(), "retry": {"maximum_attempts": 10**9}})),
        "$.steps[0].compensate.retry.maximum_attempts",
        "FIELD.VALUE",
    ),
    "compensation with the step's error": (
        spec(step("a", compensate=undo(message="${ steps.a.error }"))),
        "$.steps[0].compensate.with.message",
        "SPEC.EXPRESSION",
    ),
    "compensation with a later step": (
        spec(step("a", compensate=undo("COMPUTE", expression="steps.b.output")), step("b")),
        "$.steps[0].compensate.with.expression",
        "SPEC.EXPRESSION",
    ),
    "compensation with an item": (
        spec(step("a", compensate=undo(message="${ item }"))),
        "$.steps[0].compensate.with.message",
        "SPEC.EXPRESSION",
    ),
    "unknown effect": (spec(step("a", effect="once")), "$.steps[0].effect", "FIELD.VALUE"),
    "wait without a name": (spec({"id": "w", "type": "WAIT"}), "$.steps[0].with.name", "SPEC.PARAMETER"),
    "wait of 0": (spec(wait(timeout="0s")), "$.steps[0].with.timeout", "SPEC.PARAMETER"),
    "wait for a schema of a number": (spec(wait(schema=5)), "$.steps[0].with.schema", "SPEC.PARAMETER"),
    "wait for a bad schema": (spec(wait(schema={"type": "strin"})), "$.steps[0].with.schema", "SPEC.PARAMETER"),
    "wait for a remote schema": (
        spec(wait(schema={"$ref": "https://schemas.example/x.json"})),
        "$.steps[0].with.schema",
        "SPEC.PARAMETER",
    ),
    "wait with a secret": (spec(wait(name="${ secrets.A }")), "$.steps[0].with.name", "SPEC.EXPRESSION"),
    "wait then what": (spec(wait(on_timeout="retry")), "$.steps[0].with.on_timeout", "SPEC.PARAMETER"),
    "schemas that are too large together": (
        spec(wait("v", schema={"const": "x" * 40_000}), wait("w", schema={"const": "y" * 40_000})),
        "$.steps[1].with.schema",
        "SPEC.LIMIT",
    ),
    "approval by nobody": (
        spec({"id": "a", "type": "APPROVAL", "with": {"required_approvals": 0}}),
        "$.steps[0].with.required_approvals",
        "SPEC.PARAMETER",
    ),
    "approval by an unknown role": (
        spec({"id": "a", "type": "APPROVAL", "with": {"roles": ["operator", "boss"]}}),
        "$.steps[0].with.roles[1]",
        "SPEC.PARAMETER",
    ),
    "approval by viewers": (
        spec({"id": "a", "type": "APPROVAL", "with": {"roles": ["viewer"]}}),
        "$.steps[0].with.roles[0]",
        "SPEC.PARAMETER",
    ),
    "start_at and delay": (spec(start_at="2026-12-01T00:00:00Z", delay="1s"), "$.delay", "FIELD.VALUE"),
    "start without an offset": (spec(start_at="2026-12-01T00:00:00"), "$.start_at", "FIELD.VALUE"),
    "start in two years": (spec(start_at="2028-11-22T00:00:00Z"), "$.start_at", "FIELD.LIMIT"),
    "a child's start in two years": (
        spec(child(spec(start_at="2028-11-22T00:00:00Z"))),
        "$.steps[0].with.job.start_at",
        "FIELD.LIMIT",
    ),
    "a sleep until two years from now": (
        spec(step("a", "SLEEP", {"until": "2028-11-22T00:00:00Z"})),
        "$.steps[0].with.until",
        "SPEC.PARAMETER",
    ),
    "a child's sleep until two years from now": (
        spec(child(spec(step("a", "SLEEP", {"until": "2028-11-22T00:00:00Z"})))),
        "$.steps[0].with.job.steps[0].with.until",
        "SPEC.PARAMETER",
    ),
    "no delay": (spec(delay="0s"), "$.delay", "FIELD.VALUE"),
    "negative delay": (spec(delay="-1s"), "$.delay", "FIELD.VALUE"),
    "delay of 10^12": (spec(delay="1000000000000s"), "$.delay", "FIELD.VALUE"),
    "total timeout of 0": (spec(step("a", total_timeout="0ms")), "$.steps[0].total_timeout", "FIELD.VALUE"),
    "negative timeout": (spec(step("a", timeout="-5m")), "$.steps[0].timeout", "FIELD.VALUE"),
    "timeout of 10^12 days": (spec(timeout="1000000000000d"), "$.timeout", "FIELD.VALUE"),
    "heartbeat of 10^12": (
        spec(step("a", heartbeat_timeout="999999999999s")),
        "$.steps[0].heartbeat_timeout",
        "FIELD.VALUE",
    ),
    "a billion attempts": (
        spec(step("a", retry={"maximum_attempts": 10**9})),
        "$.steps[0].retry.maximum_attempts",
        "FIELD.VALUE",
    ),
    "retention of 0": (spec(dead_letter={"retention": "0d"}), "$.dead_letter.retention", "FIELD.VALUE"),
    "sleep of 10^12": (
        spec(step("a", "SLEEP", {"duration": "1000000000000s"})),
        "$.steps[0].with.duration",
        "SPEC.PARAMETER",
    ),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_b5_misuse_is_refused_at_its_place(name: str) -> None:
    document, path, code = ONE_PROBLEM[name]
    with pytest.raises(AdmissionError) as refused:
        admit(document, now=NOW)
    assert [(found.path, found.code) for found in refused.value.problems] == [(path, f"API.{code}")]
