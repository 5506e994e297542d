"""Circles of steps that wait for each other are found, and shown."""

import time

from perdure.admission.admission import admit
from tests.unit.test_admission_spec import message, problems, spec, step


def test_b4_two_steps_in_a_circle_are_refused_and_the_circle_is_shown() -> None:
    document = spec(step("a", depends_on=["b"]), step("b", depends_on=["a"]))
    assert problems(document) == [("$.steps[0].depends_on", "SPEC.CYCLE")]
    assert "a -> b -> a" in message(document)


def test_b4_a_circle_behind_other_steps_is_shown_without_them() -> None:
    document = spec(
        step("start", depends_on=[]),
        step("x", depends_on=["z"]),
        step("y", depends_on=["start", "x"]),
        step("z", depends_on=["y"]),
        step("after", depends_on=["z"]),
    )
    assert "in a circle: x -> z -> y -> x;" in message(document)


def test_b4_every_circle_is_shown() -> None:
    document = spec(*(step(a, depends_on=[b]) for a, b in ("ab", "ba", "cd", "dc")))
    assert problems(document) == [("$.steps[0].depends_on", "SPEC.CYCLE"), ("$.steps[2].depends_on", "SPEC.CYCLE")]


def test_b4_a_circle_of_500_steps_is_found_quickly_and_shown_shortened() -> None:
    began = time.perf_counter()
    told = message(spec(*(step(f"s{n}", depends_on=[f"s{(n + 1) % 500}"]) for n in range(500))))
    assert "s0 -> s1" in told
    assert len(told) < 300
    assert time.perf_counter() - began < 5


def test_500_steps_each_after_all_before_are_admitted() -> None:
    steps = [step(f"s{n}", depends_on=[f"s{m}" for m in range(n)]) for n in range(500)]
    steps[-1]["with"] = {"message": "${ steps.s0.output } ${ steps.s498.output }"}
    assert len(admit(spec(*steps)).spec.steps) == 500
