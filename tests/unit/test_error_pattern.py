"""Wildcards in error codes: what they match, and that they never take long."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.contract.error_pattern import matches


@pytest.mark.parametrize(
    ("pattern", "code", "found"),
    [
        ("STEP.HTTP.4XX", "STEP.HTTP.4XX", True),
        ("STEP.HTTP.*", "STEP.HTTP.4XX", True),
        ("*", "STEP.HTTP.4XX", True),
        ("*", "", True),
        ("**", "X", True),
        ("STEP.*.4XX", "STEP.HTTP.4XX", True),
        ("STEP.*.*XX", "STEP.HTTP.4XX", True),
        ("*4XX", "STEP.HTTP.4XX", True),
        ("*.HTTP.*", "STEP.HTTP.4XX", True),
        ("STEP.HTTP", "STEP.HTTP.4XX", False),
        ("HTTP.4XX", "STEP.HTTP.4XX", False),
        ("step.http.*", "STEP.HTTP.4XX", False),
        ("STEP.HTTP.4XX*X", "STEP.HTTP.4XX", False),
        ("STEP.HTTP.?XX", "STEP.HTTP.4XX", False),
        ("STEP.HTTP.[45]XX", "STEP.HTTP.4XX", False),
        ("AB*BA", "ABA", False),
        ("", "X", False),
    ],
)
def test_a_star_stands_for_any_characters_and_nothing_else_does(pattern: str, code: str, *, found: bool) -> None:
    assert matches(pattern, code) is found


@given(st.text("AB*.", max_size=12), st.text("AB.", max_size=12))
def test_it_says_what_a_regular_expression_would(pattern: str, code: str) -> None:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert matches(pattern, code) is (re.fullmatch(expression, code) is not None)


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    assert not matches("*A" * 50_000 + "B", "A" * 100_000)
    assert not matches("*AAAAB" * 20, "A" * 100_000)
    assert time.process_time() - began < 1
