"""Admission of specs: every problem at once, each with its path, its code and the way to mend it."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.admission.admission import admit, check_ids
from perdure.admission.problem import MAX_PROBLEMS, AdmissionError
from perdure.contract.limit import JobLimits


def step(id_: str, type_: str = "LOG", with_: Any = None, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "type": type_, "with": {"message": "x"} if with_ is None else with_, **fields}


def spec(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "job", "steps": list(steps or (step("a"),)), **fields}


def problems(document: Any) -> list[tuple[str, str]]:
    """Path and code of each problem."""
    with pytest.raises(AdmissionError) as refused:
        admit(document)
    assert refused.value.code == "API.VALIDATION"
    return [(found.path, found.code.removeprefix("API.")) for found in refused.value.problems]


def message(document: Any) -> str:
    with pytest.raises(AdmissionError) as refused:
        admit(document)
    assert len(refused.value.problems) == 1
    return refused.value.problems[0].message


ONE_PROBLEM: dict[str, tuple[Any, str, str]] = {
    "null": (None, "$", "FIELD.TYPE"),
    "list": ([], "$", "FIELD.TYPE"),
    "text": ("job", "$", "FIELD.TYPE"),
    "no name": ({"steps": [step("a")]}, "$.name", "FIELD.MISSING"),
    "no steps": ({"name": "a"}, "$.steps", "FIELD.MISSING"),
    "no step": ({"name": "a", "steps": []}, "$.steps", "FIELD.VALUE"),
    "steps as an object": ({"name": "a", "steps": {}}, "$.steps", "FIELD.TYPE"),
    "501 steps": (spec(*(step(f"s{n}") for n in range(501))), "$.steps", "FIELD.LIMIT"),
    "name with an emoji": (spec(name="\U0001f600"), "$.name", "FIELD.VALUE"),
    "right-to-left name": (spec(name="\u05d0\u05d1"), "$.name", "FIELD.VALUE"),
    "name with a line break": (spec(name="job\n"), "$.name", "FIELD.VALUE"),
    "long name": (spec(name="n" * 101), "$.name", "FIELD.VALUE"),
    "name as a number": (spec(name=5), "$.name", "FIELD.TYPE"),
    "id with a slash": (spec(id="a/b"), "$.id", "FIELD.VALUE"),
    "id of a child": (spec(id="a~b"), "$.id", "FIELD.VALUE"),
    "long id": (spec(id="k" * 201), "$.id", "FIELD.VALUE"),
    "unknown type": (spec(type="invoice-run@3"), "$.type", "FIELD.VALUE"),
    "unknown field": (spec(nmae=1), "$.nmae", "FIELD.UNKNOWN"),
    "internal name of with": (
        spec({"id": "a", "type": "LOG", "with": {"message": "x"}, "params": {}}),
        "$.steps[0].params",
        "FIELD.UNKNOWN",
    ),
    "text priority": (spec(priority="3"), "$.priority", "FIELD.TYPE"),
    "decimal priority": (spec(priority=3.0), "$.priority", "FIELD.TYPE"),
    "true priority": (spec(priority=True), "$.priority", "FIELD.TYPE"),
    "priority 0": (spec(priority=0), "$.priority", "FIELD.VALUE"),
    "priority 6": (spec(priority=6), "$.priority", "FIELD.VALUE"),
    "upper-case queue": (spec(queue="Default"), "$.queue", "FIELD.VALUE"),
    "33 labels": (spec(labels={f"l{n}": "x" for n in range(33)}), "$.labels", "FIELD.LIMIT"),
    "label name": (spec(labels={"a b": "x"}), '$.labels["a b"]', "FIELD.VALUE"),
    "label number": (spec(labels={"a": 1}), "$.labels.a", "FIELD.TYPE"),
    "empty label": (spec(labels={"a": ""}), "$.labels.a", "FIELD.VALUE"),
    "long correlation id": (spec(correlation_id="c" * 256), "$.correlation_id", "FIELD.LIMIT"),
    "65-byte fairness key": (spec(fairness_key="x" * 65), "$.fairness_key", "FIELD.LIMIT"),
    "66 bytes in 33 characters": (spec(fairness_key="é" * 33), "$.fairness_key", "SPEC.LIMIT"),
    "timeout as a number": (spec(timeout=5), "$.timeout", "FIELD.TYPE"),
    "timeout with a space": (spec(timeout="5 m"), "$.timeout", "FIELD.VALUE"),
    "timeout of years": (spec(timeout="366d"), "$.timeout", "FIELD.VALUE"),
    "no timeout": (spec(timeout="0s"), "$.timeout", "FIELD.VALUE"),
    "0 attempts": (spec(retry={"maximum_attempts": 0}), "$.retry.maximum_attempts", "FIELD.VALUE"),
    "1001 attempts": (spec(retry={"maximum_attempts": 1001}), "$.retry.maximum_attempts", "FIELD.VALUE"),
    "jitter": (spec(retry={"jitter": 1.5}), "$.retry.jitter", "FIELD.VALUE"),
    "unknown policy": (spec(retry={"attempts": 3}), "$.retry.attempts", "FIELD.UNKNOWN"),
    "step as text": (spec(step("a"), "b"), "$.steps[1]", "FIELD.TYPE"),
    "step as null": (spec(step("a"), None), "$.steps[1]", "FIELD.TYPE"),
    "step without id": (spec({"type": "LOG", "with": {"message": "x"}}), "$.steps[0].id", "FIELD.MISSING"),
    "step id with a dash": (spec(step("a-b")), "$.steps[0].id", "FIELD.VALUE"),
    "step id with a line break": (spec(step("a\n")), "$.steps[0].id", "FIELD.VALUE"),
    "step without type": (spec({"id": "a"}), "$.steps[0].type", "FIELD.MISSING"),
    "step type in small letters": (spec(step("a", "log")), "$.steps[0].type", "SPEC.STEP_TYPE_UNKNOWN"),
    "unknown step type": (spec(step("a", "SEND_MAIL")), "$.steps[0].type", "SPEC.STEP_TYPE_UNKNOWN"),
    "missing parameter": (spec(step("a", "HTTP_CALL", with_={})), "$.steps[0].with.url", "SPEC.PARAMETER"),
    "unknown parameter": (
        spec(step("a", with_={"message": "x", "colour": 1})),
        "$.steps[0].with.colour",
        "SPEC.PARAMETER",
    ),
    "bad parameter": (
        spec(step("a", "SLEEP", with_={"duration": "1"})),
        "$.steps[0].with.duration",
        "SPEC.PARAMETER",
    ),
    "with as a list": (spec(step("a", with_=[])), "$.steps[0].with", "FIELD.TYPE"),
    "when as a number": (spec(step("a", when=1)), "$.steps[0].when", "FIELD.TYPE"),
    "when as plain text": (spec(step("a", when="yes")), "$.steps[0].when", "SPEC.EXPRESSION"),
    "when that gives a number": (spec(step("a", when="${ 1 + 1 }")), "$.steps[0].when", "SPEC.EXPRESSION"),
    "open expression": (
        spec(step("a", with_={"message": "${ input.a"})),
        "$.steps[0].with.message",
        "SPEC.EXPRESSION",
    ),
    "broken expression": (
        spec(step("a", with_={"message": "${ 1 + }"})),
        "$.steps[0].with.message",
        "SPEC.EXPRESSION",
    ),
    "nested expression": (
        spec(step("a", with_={"message": "x", "fields": {"list": [1, {"deep": "${ inptu }"}]}})),
        "$.steps[0].with.fields.list[1].deep",
        "SPEC.EXPRESSION",
    ),
    "secret in a condition": (spec(step("a", when="${ secrets.KEY }")), "$.steps[0].when", "SPEC.EXPRESSION"),
    "secret in a timer": (
        spec(step("a", "SLEEP", with_={"duration": "${ secrets.KEY }"})),
        "$.steps[0].with.duration",
        "SPEC.EXPRESSION",
    ),
    "secret in the output": (spec(output="${ secrets.KEY }"), "$.output", "SPEC.EXPRESSION"),
    "broken COMPUTE": (
        spec(step("a", "COMPUTE", with_={"expression": "1 +"})),
        "$.steps[0].with.expression",
        "SPEC.EXPRESSION",
    ),
    "unknown step in the output": (spec(output={"a": ["${ steps.b.output }"]}), "$.output.a[0]", "SPEC.EXPRESSION"),
    "unknown dependency": (
        spec(step("a"), step("b", depends_on=["x"])),
        "$.steps[1].depends_on[0]",
        "SPEC.STEP_UNKNOWN",
    ),
    "self-dependency": (spec(step("a", depends_on=["a"])), "$.steps[0].depends_on[0]", "SPEC.STEP_SELF_DEPENDENCY"),
    "repeated id": (spec(step("a"), step("b"), step("a")), "$.steps[2].id", "SPEC.STEP_REPEATED"),
    "dependency as text": (spec(step("a"), step("b", depends_on="a")), "$.steps[1].depends_on", "FIELD.TYPE"),
    "dependency on null": (spec(step("a", depends_on=[None])), "$.steps[0].depends_on[0]", "FIELD.TYPE"),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_bad_spec_is_refused_at_its_place(name: str) -> None:
    document, path, code = ONE_PROBLEM[name]
    assert problems(document) == [(path, code)]


def test_all_problems_are_told_at_once() -> None:
    document = {
        "nmae": "job",
        "priority": "high",
        "steps": [
            step("a", depends_on=["c", "zz"]),
            {"id": "b", "type": "HTTP_CALL", "with": {"urll": "x"}},
            step("c", "log", depends_on=["a"]),
            7,
            step("a", when="${ nope }"),
        ],
        "output": "${ steps.zz.output }",
    }
    assert set(problems(document)) == {
        ("$.name", "FIELD.MISSING"),
        ("$.nmae", "FIELD.UNKNOWN"),
        ("$.priority", "FIELD.TYPE"),
        ("$.steps[0].depends_on", "SPEC.CYCLE"),
        ("$.steps[0].depends_on[1]", "SPEC.STEP_UNKNOWN"),
        ("$.steps[1].with.url", "SPEC.PARAMETER"),
        ("$.steps[1].with.urll", "SPEC.PARAMETER"),
        ("$.steps[2].type", "SPEC.STEP_TYPE_UNKNOWN"),
        ("$.steps[3]", "FIELD.TYPE"),
        ("$.steps[4].id", "SPEC.STEP_REPEATED"),
        ("$.steps[4].when", "SPEC.EXPRESSION"),
        ("$.output", "SPEC.EXPRESSION"),
    }


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (spec(nmae=1), '(did you mean "name"?)'),
        (spec(step("a", "HTTP_CAL")), '(did you mean "HTTP_CALL"?)'),
        (spec(step("a", "log")), "The types are SLEEP, LOG"),
        (spec(step("fetch"), step("b", depends_on=["fech"])), '(did you mean "fetch"?)'),
        (spec(priority="3"), "write 3 without quotes"),
        (spec(priority=3.0), "write 3"),
        (spec(name=None), "must be a string, not null"),
        (spec(retry={"initial_interval": "soon"}), "250ms, 30s, 10m, 2h or 7d"),
    ],
)
def test_message_names_the_remedy(document: Any, words: str) -> None:
    assert words in message(document)


def test_a_spec_that_fills_the_state_is_refused() -> None:
    with pytest.raises(AdmissionError) as refused:
        admit(spec(input="x" * 10_000), JobLimits(output_bytes=1, state_bytes=10_000))
    assert [found.code for found in refused.value.problems] == ["API.SPEC.LIMIT"]


def test_number_of_problems_is_bounded() -> None:
    document = spec(*(step(f"s{n}", depends_on=[f"x{m}" for m in range(500)]) for n in range(500)))
    assert len(problems(document)) == MAX_PROBLEMS


def test_defaults_are_filled_in_and_the_job_policy_reaches_every_step() -> None:
    job = spec(step("a"), step("b", retry={"jitter": 0.5}), retry={"maximum_attempts": 9})
    a, b = admit(job).spec.steps
    assert a.retry is not None
    assert b.retry is not None
    assert (a.retry.maximum_attempts, a.retry.jitter) == (9, 0.2)
    assert (b.retry.maximum_attempts, b.retry.jitter) == (9, 0.5)


def test_whole_numbers_are_taken_where_decimals_are_meant() -> None:
    assert admit(spec(retry={"backoff_coefficient": 2, "jitter": 0})).spec.steps[0].retry


def test_a_spec_is_not_changed_by_admission() -> None:
    document = spec(step("a", when=True), labels={"team": "billing"})
    before = copy.deepcopy(document)
    admit(document)
    assert document == before


any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["a", "b", "LOG", "${ steps.a.output }", "${", "1s", "success", "~~", ""])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "type",
                    "steps",
                    "with",
                    "when",
                    "depends_on",
                    "retry",
                    "message",
                    "job",
                    "dependents",
                    "labels",
                    "output",
                    "input",
                    "expression",
                    "url",
                    "timeout",
                    "params",
                    "x",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(any_json)
def test_any_document_is_admitted_or_refused(document: Any) -> None:
    json.dumps(document).encode()
    try:
        admitted = admit(document)
    except AdmissionError as error:
        assert error.problems  # noqa: PT017  either outcome is right; a refusal names a place
    else:
        check_ids(admitted, "default:x")


@given(
    st.lists(any_json, min_size=1, max_size=4),
    st.lists(st.lists(st.sampled_from("abcd"), max_size=3), min_size=1, max_size=4),
)
def test_any_steps_are_admitted_or_refused(values: list[Any], waits: list[list[str]]) -> None:
    steps = [
        {"id": id_, "type": "LOG", "depends_on": depends_on, "when": value, "with": value}
        for id_, depends_on, value in zip("abcd", waits, values, strict=False)
    ]
    with suppress(AdmissionError):
        admit({"name": "a", "steps": steps, "output": values[0], "dependents": [{"name": "x", "job": values[0]}]})
