"""What admission is told about templates, all problems at once, each with its place."""

from typing import Any

import pytest

from perdure.expressions import TemplateProblem, check_compute, check_template
from perdure.expressions.limit import TEMPLATE_LENGTH

ROOTS = ("input", "steps", "job")


def problems(template: Any, **options: Any) -> list[TemplateProblem]:
    given: dict[str, Any] = {"roots": ROOTS, "steps": ("fetch", "load"), "allow_secrets": True} | options
    return check_template(template, **given)


def messages(template: Any, **options: Any) -> list[str]:
    return [problem.message for problem in problems(template, **options)]


@pytest.mark.parametrize(
    "template",
    [
        "plain",
        5,
        None,
        "$${ what }",
        "${ input.anything.goes[0]['x'] }",
        "${ steps.fetch.output.x } ${ steps['load'].error.code == 'X' } ${ steps.load.status }",
        "${ job.labels.team + job.id }",
        "${ has(input.x) ? input.x : {'a': [1, 2.5, null, true, b'x' == b'x']} }",
        "Bearer ${ secrets.TOKEN }${ secrets._x9 }",
        "${ type(input.x) == int || type(input.x) == double }",
        "${ timestamp(input.at).getFullYear() > 2020 && duration('1h').getSeconds() == 3600 }",
        "${ input.x.matches('^a') && matches(input.x, 'b$') && input.x.size() > size('x') }",
        {"${ broken": 1},
    ],
)
def test_good_templates_have_no_problems(template: Any) -> None:
    assert problems(template) == []


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("${ }", "the expression is empty"),
        ("${ input.x", "'${' is never closed with '}'; write '$${' for the text itself"),
        ("${ 'it''s } ", "token recognition error"),
        ("${ {'a': 1 }", "never closed"),
        ("${ 1 +* 2 }", "(at character 4)"),
        ("${ 1 +\n * 2 }", "(at line 2, character 2)"),
        ("${ input.x y }", "(at character 9)"),
        ("${ input.in }", "(at character 7)"),
        ("${ " + " + ".join("1" * 33) + " }", "nested too deeply"),
        ("${ " + "(" * 40 + "1" + ")" * 40 + " }", "nested too deeply"),
        ("${ '" + "x" * 2_000 + "' }", "longer than 2,000 characters"),
        ("${ '" + "x" * 5_000 + "' }", "longer than 2,000 characters"),
        ("${ inptu.x }", "unknown name 'inptu'; expressions begin with:"),
        ("${ x.all(y, y) }", "all() loops"),
        *[(f"${{ input.l.{name}(x, x) }}", f"{name}() loops") for name in ("exists", "exists_one", "map", "filter")],
        ("${ input.l.map(x, x > 1, x) }", "map() loops"),
        ("${ now() }", "there is no function now()"),
        ("${ input.x.lower() }", "there is no function lower()"),
        ("${ math.abs(1) }", "there is no function abs()"),
        (
            "${ size(1, 2) }",
            "size() is called with 2 arguments here, which it does not take; write x.size() or size(x)",
        ),
        ("${ 'a'.startsWith() }", "write x.startsWith(y)"),
        ("${ timestamp(input.x).getHours('Europe/Berlin') }", "takes no time zone"),
        ("${ google.protobuf.Int64Value{value: 1} }", "unknown type 'google.protobuf.Int64Value'"),
        ("${ .input.x }", "unknown name '.input'"),
        ("${ has(input) }", "has() argument must be a field selection"),
        ("${ input.?x }", "unsupported syntax '.?'"),
        ("${ input.x.matches(input.pattern) }", "must be a literal text outside a COMPUTE step"),
        ("${ 'a\\u0000b' }", "NUL"),
        ("${ '\0' }", "NUL"),
        ("${ '\ud800' }", "lone surrogate"),
        ("${ steps }", "'steps' needs the id of a step"),
        ("${ size(steps) }", "'steps' needs the id of a step"),
        ("${ steps[input.x].output }", "'steps' needs the id of a step"),
        ("${ steps[0].output }", "'steps' needs the id of a step"),
        ("${ steps.fetch }", "'steps.fetch' is not a value; a step has: output, status, error"),
        ("${ steps.fetch.result }", "'steps.fetch.result' is not a value"),
        ("${ has(steps.fetch) }", "'steps.fetch' is not a value"),
        ("${ steps.other.output }", "there is no step 'other' to refer to here; there is: fetch, load"),
        ("${ [steps['other'].output] }", "there is no step 'other'"),
        ("${ has(steps.other.output.x) }", "there is no step 'other'"),
        ("${ job }", "'job' is not a value; job has: id, name, type, labels, correlation_id"),
        ("${ job.tenant + 'x' }", "'job.tenant' is not a value"),
        ("${ item }", "'item' exists only in a step with for_each"),
        ("${ index + 1 }", "'index' exists only in a step with for_each"),
        ("${ 'a' + secrets.TOKEN }", "a secret stands alone"),
        ("${ secrets }", "a secret stands alone"),
        ("${ secrets['TOKEN'] }", "a secret stands alone"),
        ("${ secrets.TOKEN.x }", "a secret stands alone"),
    ],
)
def test_each_problem_is_told(template: str, part: str) -> None:
    found = messages(template)
    assert len(found) == 1
    assert part in found[0]


def test_all_problems_come_at_once_with_their_places_in_document_order() -> None:
    template = {
        "b": ["${ x } and ${ y + z }", {"c d": "${ item }"}],
        "a": "${ steps.fetch } ${ 1 + }",
        "fine": "${ input.a }",
    }
    assert [(problem.path, problem.expression) for problem in problems(template)] == [
        (("b", 0), "x"),
        (("b", 0), "y + z"),
        (("b", 0), "y + z"),
        (("b", 1, "c d"), "item"),
        (("a",), "steps.fetch"),
        (("a",), "1 +"),
    ]


def test_roots_are_those_of_the_place() -> None:
    assert messages("${ item + index }", roots=(*ROOTS, "item", "index")) == []
    assert messages("${ steps.fetch.output }", roots=("input",)) == ["'steps' exists not here; here is: input"]


def test_secrets_only_where_they_may_be() -> None:
    expected = ["secrets cannot be used here, only in the 'with' of a step"]
    assert messages("x ${ secrets.A }", allow_secrets=False) == expected
    assert messages("${ secrets.A }", boolean=True) == expected


@pytest.mark.parametrize(
    "condition",
    [
        True,
        False,
        "${ true }",
        "${ input.flag }",
        "${ steps.fetch.output.ok }",
        "${ !input.x && (input.y > 1 || 'a' in input.l) }",
        "${ input.x ? true : input.y }",
        "${ input.l[0] }",
        "${ has(input.x) }",
        "${ bool(input.x) }",
        "${ dyn(1) }",
    ],
)
def test_a_condition_that_may_be_true_or_false_passes(condition: Any) -> None:
    assert messages(condition, boolean=True) == []


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        (1, "this is a number"),
        (None, "this is null"),
        (["${ true }"], "this is a list"),
        ("true", "this is text"),
        ("input.x > 1", "this is text"),
        ("", "this is text"),
        ("${ true } ", "this is text"),
        ("not ${ input.x }", "this is text"),
        ("${ 1 }", "never does"),
        ("${ 'true' }", "never does"),
        ("${ null }", "never does"),
        ("${ input.x + 1 }", "never does"),
        ("${ size(input.l) }", "never does"),
        ("${ [true] }", "never does"),
        ("${ input.x ? 1 : 'a' }", "never does"),
        ("${ {} }", "never does"),
    ],
)
def test_a_condition_that_cannot_be_true_or_false_is_told(condition: Any, part: str) -> None:
    found = messages(condition, boolean=True)
    assert len(found) == 1
    assert part in found[0]


def test_the_expressions_of_one_template_are_bounded() -> None:
    most = TEMPLATE_LENGTH // 50
    assert messages(["${ input.x }"] * most) == []
    assert "characters of expressions in one value" in messages(["${ input.x }"] * (most + 1))[0]


def test_problems_without_end_are_cut_at_a_hundred() -> None:
    assert len(problems(["${"] * 50_000)) == 100


def test_a_template_nested_without_end_is_checked() -> None:
    template: Any = "${ nope }"
    for _ in range(100):
        template = [template]
    assert messages(template) == ["unknown name 'nope'; expressions begin with: index, input, item, job, steps"]
    for _ in range(50_000):
        template = [template]
    assert messages(template) == ["nested deeper than 100 levels"]


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("input.l.map(x, y)", "unknown name 'y'"),
        ("input.l.map(x, x) + x", "unknown name 'x'"),
        ("steps.other.output.all(x, true)", "there is no step 'other'"),
        ("input.l.all(x, now() > x)", "there is no function now()"),
        ("input.l.map(x, ", "unexpected end (at character 15)"),
        ("input.x ${ input.y }", "token recognition error"),
        ("${ input.x } + 1", "CEL, bare or as one ${ }"),
        ("${ secrets.X }", "CEL, bare or as one ${ }"),
        ("${ input.x", "never closed"),
        ("secrets.X", "a secret stands alone"),
        ("", "the expression is empty"),
        ("'" + "x" * 2_000 + "'", "longer than 2,000 characters"),
    ],
)
def test_a_bad_compute_expression_is_told(expression: str, part: str) -> None:
    found = check_compute(expression, roots=ROOTS, steps=("fetch",))
    assert found
    assert part in found[0].message


@pytest.mark.parametrize(
    "expression",
    [
        "input.l.map(x, x * 2).filter(x, x > 1).exists(x, x in steps.fetch.output)",
        "input.l.map(input, input.x)",
        "input.text.matches(input.pattern)",
        "${ input.l.exists_one(x, x == 1) }",
        "input.a.all(x, input.b.all(y, x != y))",
        "'${' + input.x + '}'",
    ],
)
def test_a_good_compute_expression_has_no_problems(expression: str) -> None:
    assert check_compute(expression, roots=ROOTS, steps=("fetch",)) == []
