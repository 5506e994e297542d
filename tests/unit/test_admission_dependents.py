"""Dependents in admission: specs inside specs, with names, nesting, labels and ids of their own."""

from typing import Any

import pytest

from perdure.admission.admission import admit, check_ids
from perdure.admission.problem import AdmissionError
from tests.unit.test_admission_spec import message, problems, spec, step


def dependent(name: str = "mail", **fields: Any) -> dict[str, Any]:
    return {"name": name, "job": spec(), **fields}


def nested(levels: int, name: str = "d") -> dict[str, Any]:
    job = spec()
    for _ in range(levels):
        job = spec(dependents=[{"name": name, "job": job}])
    return job


def test_a_dependent_is_admitted_with_its_defaults() -> None:
    admitted = admit(spec(dependents=[dependent(when="always")]))
    assert admitted.spec.dependents[0].job.steps[0].retry is not None


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"name": "Mail", "job": spec()}, "$.dependents[0].name", "FIELD.VALUE"),
        (dependent(when="sometimes"), "$.dependents[0].when", "FIELD.VALUE"),
        ({"name": "mail"}, "$.dependents[0].job", "FIELD.MISSING"),
        ({"name": "mail", "job": {"name": "x"}}, "$.dependents[0].job.steps", "FIELD.MISSING"),
        (dependent(job=spec(step("a", "NOPE"))), "$.dependents[0].job.steps[0].type", "SPEC.STEP_TYPE_UNKNOWN"),
        (dependent(job=spec(id="mine")), "$.dependents[0].job.id", "SPEC.DEPENDENT"),
        (
            dependent(job=spec(step("a", depends_on=["b"]), step("b", depends_on=["a"]))),
            "$.dependents[0].job.steps[0].depends_on",
            "SPEC.CYCLE",
        ),
    ],
)
def test_bad_dependent_is_refused_at_its_place(given: Any, path: str, code: str) -> None:
    assert problems(spec(dependents=[given])) == [(path, code)]


def test_names_of_dependents_are_unique() -> None:
    document = spec(dependents=[dependent("a"), dependent("b"), dependent("a")])
    assert problems(document) == [("$.dependents[2].name", "SPEC.DEPENDENT")]


def test_the_input_of_a_dependent_may_refer_to_the_steps_of_its_parent() -> None:
    admit(spec(step("total"), dependents=[dependent(job=spec(input={"sum": "${ steps.total.output }"}))]))


def test_the_input_of_a_dependent_may_not_refer_to_its_own_steps() -> None:
    document = spec(step("total"), dependents=[dependent(job=spec(step("own"), input="${ steps.own.output }"))])
    assert problems(document) == [("$.dependents[0].job.input", "SPEC.EXPRESSION")]


def test_the_steps_of_a_dependent_may_not_refer_to_those_of_its_parent() -> None:
    document = spec(step("total"), dependents=[dependent(job=spec(step("a", when="${ steps.total.output == 1 }")))])
    assert problems(document) == [("$.dependents[0].job.steps[0].when", "SPEC.EXPRESSION")]


def test_the_input_of_the_job_itself_is_data() -> None:
    admit(spec(input="${ not an expression"))


def test_jobs_nest_five_levels() -> None:
    admit(nested(5))


def test_jobs_do_not_nest_six_levels() -> None:
    assert problems(nested(6)) == [("$" + ".dependents[0].job" * 6, "SPEC.LIMIT")]


def test_labels_are_counted_with_those_of_the_parents() -> None:
    own = {f"own{n}": "x" for n in range(20)}
    job = spec(labels={f"parent{n}": "x" for n in range(20)}, dependents=[dependent(job=spec(labels=own))])
    assert problems(job) == [("$.dependents[0].job.labels", "SPEC.LIMIT")]


def test_the_same_labels_count_once() -> None:
    labels = {f"l{n}": "x" for n in range(32)}
    admit(spec(labels=labels, dependents=[dependent(job=spec(labels=labels))]))


def test_ids_of_dependents_stay_within_what_temporal_keeps() -> None:
    admitted = admit(nested(3, "d" * 60))
    check_ids(admitted, "default:short")
    with pytest.raises(AdmissionError) as refused:
        check_ids(admitted, "default:" + "k" * 100)
    (problem,) = refused.value.problems
    assert problem.path == "$.dependents[0].job.dependents[0].job.dependents[0].name"
    assert "255" in problem.message


def test_an_unknown_when_is_told_with_the_known_ones() -> None:
    assert '"success", "failure", "dead_letter" or "always"' in message(spec(dependents=[dependent(when="x")]))
