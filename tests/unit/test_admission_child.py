"""JOB steps in admission: the job inside is checked as a whole, at its place, and its ids have room."""

from typing import Any

import pytest

from perdure.admission.admission import admit, check_ids
from perdure.admission.fingerprint import fingerprint
from perdure.admission.problem import MAX_PROBLEMS, AdmissionError
from perdure.contract.json_size import json_bytes
from perdure.contract.limit import JobLimits
from tests.unit.test_admission_flow import child
from tests.unit.test_admission_spec import message, problems, spec, step

JOB = "$.steps[0].with.job"


def nested(kinds: str) -> dict[str, Any]:
    """Jobs in each other, outermost first: `s` by a JOB step, `d` as a dependent."""
    job = spec()
    for kind in reversed(kinds):
        job = spec(child(job)) if kind == "s" else spec(dependents=[{"name": "d", "job": job}])
    return job


def deepest(kinds: str) -> str:
    return "$" + "".join(".steps[0].with.job" if kind == "s" else ".dependents[0].job" for kind in kinds)


def test_a_child_is_admitted_with_its_defaults_by_its_own_policy() -> None:
    job = spec(child(spec(step("x"), retry={"jitter": 0.5})), retry={"maximum_attempts": 9})
    inner = admit(job).spec.steps[0].params["job"]
    assert inner["steps"][0]["retry"]["maximum_attempts"] == 4
    assert inner["steps"][0]["retry"]["jitter"] == 0.5


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"id": "k", "type": "JOB"}, JOB, "SPEC.PARAMETER"),
        ({"id": "k", "type": "JOB", "with": {"job": None}}, JOB, "SPEC.PARAMETER"),
        ({"id": "k", "type": "JOB", "with": {"job": "${ input.job }"}}, JOB, "SPEC.PARAMETER"),
        (
            {"id": "k", "type": "JOB", "with": {"job": spec(), "wait": "${ true }"}},
            "$.steps[0].with.wait",
            "SPEC.PARAMETER",
        ),
        ({"id": "k", "type": "JOB", "with": {"job": spec(), "wat": 1}}, "$.steps[0].with.wat", "SPEC.PARAMETER"),
        (child({"name": "x"}), f"{JOB}.steps", "FIELD.MISSING"),
        (child({"steps": [step("a")]}), f"{JOB}.name", "FIELD.MISSING"),
        (child(spec(nmae=1)), f"{JOB}.nmae", "FIELD.UNKNOWN"),
        (child(spec(id="own")), f"{JOB}.id", "FIELD.VALUE"),
        (child(spec(timeout="${ input.patience }")), f"{JOB}.timeout", "FIELD.VALUE"),
        (child(spec(timeout="0s")), f"{JOB}.timeout", "FIELD.VALUE"),
        (child(spec(step("A"))), f"{JOB}.steps[0].id", "FIELD.VALUE"),
        (child(spec(step("a", "NOPE"))), f"{JOB}.steps[0].type", "SPEC.STEP_TYPE_UNKNOWN"),
        (child(spec(step("a", depends_on=["b"]))), f"{JOB}.steps[0].depends_on[0]", "SPEC.STEP_UNKNOWN"),
        (child(spec(step("a"), step("a"))), f"{JOB}.steps[1].id", "SPEC.STEP_REPEATED"),
        (
            child(spec(step("a", retry={"maximum_attempts": 10**9}))),
            f"{JOB}.steps[0].retry.maximum_attempts",
            "FIELD.VALUE",
        ),
        (
            child(spec(step("a", depends_on=["b"]), step("b", depends_on=["a"]))),
            f"{JOB}.steps[0].depends_on",
            "SPEC.CYCLE",
        ),
        (child(spec(output="${ steps.nope.output }")), f"{JOB}.output", "SPEC.EXPRESSION"),
        (child(spec(dependents=[{"name": "M", "job": spec()}])), f"{JOB}.dependents[0].name", "FIELD.VALUE"),
        (child(spec(child({"name": "x"}))), f"{JOB}.steps[0].with.job.steps", "FIELD.MISSING"),
        (child(spec(input="${ steps.child.output }")), f"{JOB}.input", "SPEC.EXPRESSION"),
        (child(spec(input="${ secrets.KEY }")), f"{JOB}.input", "SPEC.EXPRESSION"),
        (child(spec(fairness_key="é" * 33)), f"{JOB}.fairness_key", "SPEC.LIMIT"),
    ],
)
def test_bad_child_is_refused_at_its_place(given: Any, path: str, code: str) -> None:
    assert problems(spec(given)) == [(path, code)]


def test_a_child_within_a_dependent_is_checked_too() -> None:
    document = spec(dependents=[{"name": "d", "job": spec(child(spec(step("a", "NOPE"))))}])
    assert problems(document) == [("$.dependents[0].job.steps[0].with.job.steps[0].type", "SPEC.STEP_TYPE_UNKNOWN")]


def test_the_input_of_a_child_may_refer_to_steps_before_it() -> None:
    admit(spec(step("a"), child(spec(input={"x": "${ steps.a.output } of ${ job.id }"}))))


def test_the_steps_of_a_child_see_its_own_input_only() -> None:
    job = spec(step("x", with_={"message": "${ input.x } ${ steps.a.output }"}))
    document = spec(step("a"), child(job))
    assert problems(document) == [("$.steps[1].with.job.steps[0].with.message", "SPEC.EXPRESSION")]
    assert "there is no step 'a'" in message(document)


def test_a_child_may_have_steps_named_as_its_parent_s() -> None:
    admit(spec(step("a"), child(spec(step("a"), step("child")))))


@pytest.mark.parametrize("kinds", ["sssss", "sdsds", "ddsss"])
def test_jobs_nest_five_levels_of_any_kind(kinds: str) -> None:
    admit(nested(kinds))


@pytest.mark.parametrize("kinds", ["ssssss", "sdsdsd", "dddsss"])
def test_jobs_do_not_nest_six_levels_of_any_kind(kinds: str) -> None:
    assert problems(nested(kinds)) == [(deepest(kinds), "SPEC.LIMIT")]


def test_jobs_nested_beyond_the_limit_are_not_looked_into() -> None:
    assert problems(nested("ssssss" + "s" * 6)) == [(deepest("ssssss"), "SPEC.LIMIT")]


def test_labels_of_a_child_are_counted_with_those_of_its_parents() -> None:
    own = {f"own{n}": "x" for n in range(20)}
    document = spec(child(spec(labels=own)), labels={f"parent{n}": "x" for n in range(20)})
    assert problems(document) == [(f"{JOB}.labels", "SPEC.LIMIT")]


def ids_refused(document: Any, key_length: int) -> list[str]:
    admitted = admit(document)
    try:
        check_ids(admitted, "default:" + "k" * key_length)
    except AdmissionError as refused:
        return [problem.path for problem in refused.problems]
    return []


@pytest.mark.parametrize(
    ("fields", "suffix"),
    [
        ({}, "~child.r1000"),
        ({"for_each": {"items": [1] * 11}}, "~child.10.r1000"),
        ({"for_each": {"items": "${ input }"}}, "~child.9999.r1000"),
        ({"for_each": {"items": []}}, "~child.0.r1000"),
    ],
)
def test_the_id_of_a_child_has_room_for_items_and_rounds(fields: dict[str, Any], suffix: str) -> None:
    document = spec(child(spec(), **fields))
    fits = 255 - len("default:") - len(suffix)
    assert ids_refused(document, fits) == []
    assert ids_refused(document, fits + 1) == ["$.steps[0].id"]


def test_the_ids_of_jobs_within_a_child_have_room_too() -> None:
    within = spec(child(spec(dependents=[{"name": "d" * 60, "job": spec()}]), "c" * 60))
    assert ids_refused(within, 50) == []
    assert ids_refused(within, 150) == [f"{JOB}.dependents[0].name"]


def test_the_fingerprint_is_over_the_body_as_sent() -> None:
    document = spec(child(spec()))
    assert admit(document).fingerprint == fingerprint(document)
    assert admit(spec(child(spec(priority=3)))).fingerprint != fingerprint(document)


def test_a_child_counts_once_in_the_size_of_a_spec() -> None:
    document = spec(child(spec(input="x" * 100_000)))
    complete = admit(document).spec
    size = json_bytes(complete.model_dump(mode="json", by_alias=True))
    assert 100_000 < size < 103_000
    admit(document, JobLimits(state_bytes=size))
    with pytest.raises(AdmissionError, match=str(size)):
        admit(document, JobLimits(state_bytes=size - 1))


def test_a_spec_with_its_defaults_filled_in_is_admitted_as_it_is() -> None:
    document = spec(
        step("a", "SLEEP", {"duration": "1s"}),
        child(spec(step("b", "SLEEP", {"duration": "1s"}), retry={"jitter": 0})),
        retry={"maximum_attempts": 2},
    )
    complete = admit(document).spec
    assert admit(complete.model_dump(mode="json", by_alias=True)).spec == complete


def test_the_number_of_problems_in_children_is_bounded() -> None:
    bad = {"name": "x", "steps": [{"id": "B"}] * 100}
    assert len(problems(spec(*(child(bad, f"c{n}") for n in range(100))))) == MAX_PROBLEMS
