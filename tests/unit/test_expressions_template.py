"""What templates give: types, interpolation, scope, secrets, and what is missing."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from perdure.expressions import (
    ExpressionError,
    Resolved,
    Scope,
    SecretRef,
    SecretSlot,
    check_template,
    expression_size,
    fill_secrets,
    references,
    resolve,
    resolve_condition,
)
from perdure.expressions.limit import RESULT_BYTES, TEMPLATE_LENGTH

NAMES = {"emoji 😀": "👩‍👩‍👧", "עברית": "שלום", "a.b": 1, 'quo"te': 2, "": 3, "${ input.n }": 4, "$x": 5}
SCOPE = Scope(
    {"input": {"n": 7, "price": 19.99, "s": "text", "none": None, "rows": [{"id": 1}, {"id": 2}], "names": NAMES}},
    {"fetch": {"output": {"y": [3]}, "status": "COMPLETED", "error": None}},
)


def value_of(template: Any) -> Any:
    return resolve(template, SCOPE).value


def message_of(template: Any) -> str:
    with pytest.raises(ExpressionError) as caught:
        resolve(template, SCOPE)
    assert caught.value.code == "ENGINE.EXPRESSION"
    return caught.value.message


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${ input.n }", 7),
        ("${input.n}", 7),
        ("${\n input.n // the number }\n }", 7),
        ("${ input.none }", None),
        ("${ input.rows }", [{"id": 1}, {"id": 2}]),
        ("${ steps.fetch.output.y[0] }", 3),
        ("${ steps['fetch'].status }", "COMPLETED"),
        (" ${ input.n }", " 7"),
        ("${ input.n }${ input.n }", "77"),
        ("a ${ input.none } b ${ true } c ${ input.price }", "a null b true c 19.99"),
        ('${ {"b": 1, "a": [1.0, "é"]} } ', '{"a":[1.0,"é"],"b":1} '),
        ("$${ input.n }", "${ input.n }"),
        ("$$${ input.n }", "$${ input.n }"),
        ("$${a} ${ input.n } $${", "${a} 7 ${"),
        ("costs $5 or {5} or }", "costs $5 or {5} or }"),
        ('${ "}" + "$${" + \'}\' + r"\\d}" }', "}$${}\\d}"),
        ('${ """a"}b""" }', 'a"}b'),
        ("${ {'a': {'b': 1}} }", {"a": {"b": 1}}),
        ({"${ input.n }": ["${ input.n }", {"x": "${ input.s }!"}]}, {"${ input.n }": [7, {"x": "text!"}]}),
        ("", ""),
        ("${ '' }x${ '' }", "x"),
    ],
)
def test_a_template_gives(template: Any, value: Any) -> None:
    found = value_of(template)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("key", list(NAMES))
def test_b13_odd_names_are_exact_by_path_and_through_cel(key: str) -> None:
    quoted = '"' + key.replace('"', '\\"') + '"'
    assert value_of(f"${{ input.names[{quoted}] }}") == NAMES[key]
    assert value_of(f"${{ [input.names[{quoted}]][0] }}") == NAMES[key]
    assert value_of("${ [input.names][0] }") == NAMES


def test_what_an_expression_gives_is_not_looked_through_again() -> None:
    scope = Scope({"input": {"evil": "${ secrets.TOKEN }${ input.x }"}})
    assert resolve("${ input.evil }", scope) == Resolved("${ secrets.TOKEN }${ input.x }")
    assert resolve("a ${ input.evil }", scope) == Resolved("a ${ secrets.TOKEN }${ input.x }")
    assert resolve({"a": "$${ secrets.TOKEN }"}, scope) == Resolved({"a": "${ secrets.TOKEN }"})


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("${ input.zz }", "input has no field 'zz'; it has: n, names, none, price, rows, s"),
        ("${ input.zz + 1 }", "input has no field 'zz'"),
        ("${ input.none.x }", "input.none is null: it has no field 'x'"),
        ("${ input.rows.id }", "input.rows is a list: it has no field 'id'"),
        ("${ input.rows[2] }", "input.rows has 2 entries: there is no [2]"),
        ("${ [input.rows[2].id] }", "input.rows has 2 entries: there is no [2]"),
        ("${ input.rows[-1] }", "a list has 2 entries: there is no [-1]"),
        ("${ input.rows[input.n] }", "a list has 2 entries: there is no [7]"),
        ("${ input.names[input.s] }", "an object has no field 'text'"),
        ("${ input.n[0] }", "input.n is a number: it has no entry [0]"),
        ("${ steps.other.output }", "steps has no step 'other'; it has: fetch"),
        ("${ [steps.other.output] }", "steps has no step 'other'; it has: fetch"),
        ("${ item }", "'item' is not available here; there is: input"),
        ("${ item + 1 }", "'item' is not available here; there is: input"),
        ("${ has(input.n.x) }", "has() asks for a field, but input.n is a number"),
        ("${ has(input.a) ? input.a.b : input.rows[0].zz }", "input.rows[0] has no field 'zz'"),
        ("${ input.n ? 1 : 2 }", "the condition before '?' is not a boolean"),
        ("${ {'a': 1, 'a': 2} }", "duplicate key in map"),
        ("${ input.s.matches('(') }", "invalid regular expression"),
        ("${ timestamp('tomorrow') }", "String to Timestamp conversion failed"),
        ("${ {1: 2} }", "a key that is not a string"),
        ("${ size }", "unknown name 'size'"),
        ("text ${ input.n", "never closed"),
    ],
)
def test_a_failure_names_what_is_wrong(template: str, part: str) -> None:
    assert part in message_of(template)


def test_an_error_shows_its_expression_shortened() -> None:
    with pytest.raises(ExpressionError) as caught:
        resolve("${ input.zz + '" + "x" * 500 + "' }", SCOPE)
    assert caught.value.expression.startswith("input.zz + 'xx")
    assert len(caught.value.expression) == 200
    assert "input has no field 'zz'" in str(caught.value)


def test_an_error_can_be_stored_and_sent_whatever_it_quotes() -> None:
    scope = Scope({"input": {"\0": 1, "\ud800": 2}})
    for template in (
        "${ input.x }",
        "${ input['\0\ud800'] }",
        "${ 1 \0\ud800 }",
        "${ input['\ud800\0'] + 1",
        "${ [input.x] }",
    ):
        with pytest.raises(ExpressionError) as caught:
            resolve(template, scope)
        shown = f"{caught.value} {caught.value.message} {caught.value.expression}"
        assert "\0" not in shown
        assert shown.encode()
        for problem in check_template(template, roots=(), steps=(), allow_secrets=False):
            assert "\0" not in problem.message + problem.expression
            assert (problem.message + problem.expression).encode()


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${ has(input.zz) }", False),
        ("${ has(input.none) }", True),
        ("${ has(input.rows) && size(input.rows) == 2 }", True),
        ("${ has(steps.fetch.output.y) }", True),
        ("${ input.zz == 1 || true }", True),
        ("${ has(input.zz) ? input.zz : 'none' }", "none"),
        ("${ input.rows[1].id + input.rows[0].id }", 3),
        ("${ [input.rows[1].id, size(input.rows)] }", [2, 2]),
        ("${ 'id' in input.rows[1] }", True),
    ],
)
def test_only_what_is_used_is_passed_and_that_is_enough(template: str, value: Any) -> None:
    assert value_of(template) == value


class _Recorder(Mapping[str, Any]):
    """Steps that count how often each is looked up."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __getitem__(self, step_id: str) -> dict[str, Any]:
        self.seen.append(step_id)
        return {"output": 1, "status": "COMPLETED", "error": None}

    def __iter__(self) -> Iterator[str]:
        return iter(("a", "b", "c"))

    def __len__(self) -> int:
        return 3


def test_only_the_steps_named_are_looked_up() -> None:
    steps = _Recorder()
    assert resolve("${ steps.a.output + 1 } ${ steps.b.status }", Scope({}, steps)).value == "2 COMPLETED"
    assert set(steps.seen) == {"a", "b"}


@pytest.mark.parametrize(
    ("condition", "value"),
    [(True, True), (False, False), ("${ input.n > 6 }", True), ("${ input.n > 7.5 }", False), ("${ true }", True)],
)
def test_a_condition_gives_its_truth(condition: str | bool, value: bool) -> None:
    assert resolve_condition(condition, SCOPE) is value


@pytest.mark.parametrize(
    ("condition", "gives"),
    [
        ("${ input.n }", "a number"),
        ("${ 'true' }", "a string"),
        ("true", "a string"),
        ("${ true } ", "a string"),
        ("${ input.none }", "null"),
        ("${ input.rows }", "a list"),
        ("${ input }", "an object"),
    ],
)
def test_a_condition_that_is_no_boolean_is_an_error_that_says_what_it_gives(condition: str, gives: str) -> None:
    with pytest.raises(ExpressionError, match=f"must give true or false; it gives {gives}"):
        resolve_condition(condition, SCOPE)


def test_a_condition_takes_no_secret() -> None:
    with pytest.raises(ExpressionError, match="cannot use secrets"):
        resolve_condition("${ secrets.X }", SCOPE)


def test_secrets_leave_null_and_a_slot_with_its_parts() -> None:
    template = {"auth": ["Bearer ${ secrets.TOKEN }/${ input.n }$${"], "key": "${secrets.KEY}", "n": "${ input.n }"}
    resolved = resolve(template, SCOPE)
    assert resolved.value == {"auth": [None], "key": None, "n": 7}
    assert resolved.secrets == (
        SecretSlot(("auth", 0), ("Bearer ", SecretRef("TOKEN"), "/7${")),
        SecretSlot(("key",), (SecretRef("KEY"),)),
    )
    filled = fill_secrets(resolved.value, resolved.secrets, {"TOKEN": "${ secrets.KEY }", "KEY": "k"}.__getitem__)
    assert filled == {"auth": ["Bearer ${ secrets.KEY }/7${"], "key": "k", "n": 7}
    assert resolved.value == {"auth": [None], "key": None, "n": 7}


def test_a_slot_that_does_not_fit_is_refused() -> None:
    slot = SecretSlot(("a", 1), (SecretRef("X"),))
    for value in ({"a": [None]}, {"b": 1}, {"a": "text"}, {"a": [None, "taken"]}, None):
        with pytest.raises(ExpressionError):
            fill_secrets(value, [slot], lambda _: "secret")


def test_a_missing_secret_is_the_caller_s_error() -> None:
    secrets: dict[str, str] = {}
    with pytest.raises(KeyError):
        fill_secrets(None, [SecretSlot((), (SecretRef("X"),))], secrets.__getitem__)


def test_references_finds_steps_however_they_are_written() -> None:
    template = {
        "a": ["${ steps.one.output }", "x ${ steps['two'].status } ${ has(steps.three.output.x) }"],
        "b": '${ steps["four"].output[steps.five.output.i] + 1 }',
        "c": "$${ steps.six.output }",
        "d": "${ steps.seven.output",
        "e": "${ 'steps.eight.output' } ${ secrets.steps }",
        "f": "${ 1 +",
        "${ steps.nine.output }": 1,
    }
    uses = {("one", "output"), ("two", "status"), ("three", "output"), ("four", "output"), ("five", "output")}
    assert references(template) == uses
    assert references(None) == references(5) == set()


def test_the_resolved_size_is_bounded_however_it_comes_about() -> None:
    scope = Scope({"input": {"long": "x" * (RESULT_BYTES // 2 + 1), "rows": [0] * 200_000}})
    for template in (
        ["${ input.long }", "${ input.long }"],
        "${ input.long }${ input.long }",
        ["${ input.rows }"] * 3,
        "${ input.long + input.long }",
    ):
        with pytest.raises(ExpressionError, match=r"larger than|more than"):
            resolve(template, scope)
    assert len(resolve("${ input.rows }", scope).value) == 200_000


def test_the_expressions_of_one_template_are_bounded_as_they_are_counted() -> None:
    most = ["${ input.n }"] * (TEMPLATE_LENGTH // 50)
    assert expression_size(most) <= TEMPLATE_LENGTH < expression_size([*most, "${ input.n }"])
    assert resolve(most, SCOPE).value == [7] * len(most)
    with pytest.raises(ExpressionError, match="characters of expressions"):
        resolve([*most, "${ input.n }"], SCOPE)


def test_a_template_nested_without_end_is_an_error() -> None:
    template: Any = "${ input.n }"
    for _ in range(100):
        template = [template]
    resolve(template, SCOPE)
    for _ in range(5_000):
        template = [template]
    with pytest.raises(ExpressionError, match="nested deeper"):
        resolve(template, SCOPE)
