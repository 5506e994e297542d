"""Numbers behave as in JSON (acceptance B13), whole ones among themselves as in CEL."""

import math
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.expressions import ExpressionError, Scope, resolve

EXACT = 2**53 - 1
OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


def value_of(expression: str, **values: Any) -> Any:
    return resolve(f"${{ {expression} }}", Scope({"input": values})).value


def same(found: Any, expected: Any) -> bool:
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("input.price * 2", 39.98),
        ("2 * input.price", 39.98),
        ("input.qty * input.price", 59.97),
        ("1 + 0.5", 1.5),
        ("0.1 + 0.2", 0.30000000000000004),
        ("input.qty / 2", 1),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("input.qty / 2.0", 1.5),
        ("input.qty == 3.0 && 1 == 1.0 && 1 != 1.5", True),
        ("1 < 1.5 && input.price > 19 && 20 >= input.price", True),
        ("true ? 1 : 1.5", 1),
        ("[1, 1.0, 2.5]", [1, 1.0, 2.5]),
        ("3 in [1.0, 3.0]", True),
        ("-input.price", -19.99),
        ("(input.qty + 1) * 2", 8),
        ("((input.qty + 1) * 2.5 - 1) / 3", 3.0),
        ("(1 + 2) * (3 + 4.5) + (5 + 6.5) * (7 + 8)", 195.0),
        ("{'total': input.qty * input.price, 'n': input.qty * 2}", {"n": 6, "total": 59.97}),
        ("size([1, 2]) * 1.5", 3.0),
        ("int(2.9) + 1", 3),
        ("double(1) + 1", 2.0),
        ("string(19.99 * 2)", "39.98"),
        (f"{EXACT}", EXACT),
        (f"-{EXACT}", -EXACT),
        ("string(9007199254740993)", "9007199254740993"),
        ("9007199254740993 - 9007199254740992", 1),
        ("input.big - 1 == input.big", False),
        ("duration('1h') - duration('30m') + timestamp('2020-01-01T00:00:00Z')", "2020-01-01T00:30:00Z"),
        ("'a' + 'b' + string(1)", "ab1"),
        ("[1] + [2.5]", [1, 2.5]),
    ],
)
def test_b13_arithmetic_gives(expression: str, value: Any) -> None:
    found = value_of(expression, price=19.99, qty=3, big=2**60)
    assert found == value
    assert type(found) is type(value)


def test_b13_one_and_one_point_zero_stay_what_they_are() -> None:
    for value in (1, 1.0, -0.0, 10**15, 1e300, 5e-324):
        assert same(value_of("input.x", x=value), value)
        assert same(value_of("[input.x][0]", x=value), value)
    assert math.copysign(1, value_of("[input.x][0]", x=-0.0)) == -1


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("9007199254740993", "past what JSON keeps exactly"),
        ("input.exact + 1", "past what JSON keeps exactly"),
        ("[input.big]", "past what JSON keeps exactly"),
        ("9007199254740993 * 1.0", "would lose digits"),
        ("0.5 + input.big", "would lose digits"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("-9223372036854775808 - 1", "integer overflow"),
        ("input.big * input.big", "integer overflow"),
        ("9223372036854775808", "invalid int literal"),
        ("input.huge + 1", "'input' holds an integer past 64 bits"),
        ("1 / 0", "divide by zero"),
        ("1 % 0", "modulus by zero"),
        ("1 / 0.0", "not a JSON number"),
        ("0.0 / 0", "not a JSON number"),
        ("1e308 * 10", "not a JSON number"),
        ("double('NaN')", "not a JSON number"),
        ("input.nan + 1", "NaN or Infinity"),
        ("5 % 2.0", "'%' does not take number and number"),
        ("input.s * 2", "'*' does not take string and number"),
        ("2.5 - input.s", "'-' does not take number and string"),
        ("'a' + 1", "'+' does not take string and number; convert with string(…)"),
        ("input.missing * 2.5", "input has no field 'missing'"),
    ],
)
def test_b13_arithmetic_refuses(expression: str, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value_of(expression, exact=EXACT, big=2**60, huge=2**63, nan=math.nan, s="x")
    assert part in caught.value.message


def test_b13_a_path_gives_any_integer_as_it_is() -> None:
    assert value_of("input.x", x=2**200 + 1) == 2**200 + 1


whole = st.integers(-(2**53) + 1, 2**53 - 1)
decimal = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(a=whole, b=decimal, operator=st.sampled_from(sorted(OPERATORS)))
def test_b13_mixed_arithmetic_is_that_of_decimals(a: int, b: float, operator: str) -> None:
    for left, right in ((a, b), (b, a)):
        try:
            expected = OPERATORS[operator](float(left), float(right))
        except ZeroDivisionError:
            expected = math.nan
        try:
            found = value_of(f"input.a {operator} input.b", a=left, b=right)
        except ExpressionError:
            assert not math.isfinite(expected)
        else:
            assert same(found, expected)


@settings(deadline=None)
@given(a=whole, b=whole, operator=st.sampled_from("+-*"))
def test_b13_whole_numbers_are_exact_or_refused(a: int, b: int, operator: str) -> None:
    expected = OPERATORS[operator](a, b)
    try:
        found = value_of(f"input.a {operator} input.b", a=a, b=b)
    except ExpressionError:
        assert abs(expected) > EXACT
    else:
        assert same(found, expected)


def test_long_and_deep_sums_mix_as_well() -> None:
    for first, second in product((1, 1.5), repeat=2):
        total = first + 29 * second
        assert value_of(" + ".join(["input.a", *["input.b"] * 29]), a=first, b=second) == total
        deep = "(" * 29 + "input.a" + " + input.b)" * 29
        assert value_of(deep, a=first, b=second) == total
        right = "(input.b + " * 29 + "input.a" + ")" * 29
        assert value_of(right, a=first, b=second) == total
