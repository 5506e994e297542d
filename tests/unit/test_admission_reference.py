"""What expressions of a spec may refer to, and how many of them there may be."""

import time

from perdure.admission.admission import admit
from tests.unit.test_admission_spec import message, problems, spec, step


def test_a_step_may_refer_to_all_listed_before_it() -> None:
    refer = {"message": "${ steps.a.output } ${ steps.b.status }"}
    admit(spec(step("a"), step("b"), step("c", with_=refer)))


def test_a_step_may_not_refer_to_one_listed_after_it() -> None:
    document = spec(step("a", with_={"message": "${ steps.b.output }"}), step("b"))
    assert problems(document) == [("$.steps[0].with.message", "SPEC.EXPRESSION")]
    assert "add it to depends_on" in message(document)


def test_a_step_may_not_refer_to_itself() -> None:
    document = spec(step("a", when="${ steps.a.output == 1 }"))
    assert "refers to itself" in message(document)


def test_in_a_dag_a_step_may_refer_to_what_it_waits_for_however_far_back() -> None:
    refer = {"message": "${ steps.a.output }"}
    admit(spec(step("a"), step("b", depends_on=["a"]), step("c", depends_on=["b"], with_=refer)))


def test_in_a_dag_a_step_may_not_refer_to_a_step_beside_it() -> None:
    document = spec(
        step("a"), step("b"), step("c", depends_on=["b"], when="${ steps.b.output == 1 && steps.a.output == 2 }")
    )
    assert problems(document) == [("$.steps[2].when", "SPEC.EXPRESSION")]
    assert '"a" may not have ended' in message(document)


def test_compute_may_not_refer_to_a_step_beside_it() -> None:
    compute = step("c", "COMPUTE", depends_on=[], with_={"expression": "steps.a.output + 1"})
    assert problems(spec(step("a"), compute)) == [("$.steps[1].with.expression", "SPEC.EXPRESSION")]


def test_compute_text_with_template_marks_is_cel_not_a_template() -> None:
    admit(spec(step("c", "COMPUTE", with_={"expression": "${ [1, 2].map(x, x * 2) }"})))


def test_the_output_may_refer_to_every_step() -> None:
    admit(spec(step("a"), step("b", depends_on=[]), output={"a": "${ steps.a.output }", "b": "${ steps.b.output }"}))


def test_a_reference_into_a_circle_is_not_told_beside_the_circle() -> None:
    document = spec(
        step("a", depends_on=["b"], when="${ steps.b.output == 1 }"),
        step("b", depends_on=["a"], when="${ steps.a.output == 1 }"),
    )
    assert problems(document) == [("$.steps[0].depends_on", "SPEC.CYCLE")]


def test_a_template_value_is_not_held_against_the_parameters() -> None:
    url = {"url": "${ input.url }", "timeout": "${ input.timeout }"}
    admit(spec(step("a", "HTTP_CALL", with_=url)))


def test_many_expressions_are_refused_before_they_are_read() -> None:
    began = time.perf_counter()
    steps = [
        step(f"s{n}", with_={"message": "x", "fields": {f"f{m}": "${ " + "1 + " * 400 + "1 }" for m in range(5)}})
        for n in range(100)
    ]
    assert {code for _, code in problems(spec(*steps))} == {"SPEC.LIMIT"}
    assert time.perf_counter() - began < 10
