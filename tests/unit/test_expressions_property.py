"""Properties: what holds for every value, every path, every text, in every process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.expressions import ExpressionError, Resolved, Scope, check_template, references, resolve
from perdure.expressions.engine import compile_text, run
from perdure.expressions.evaluation import weigh_data
from perdure.expressions.path import read_path
from perdure.expressions.pattern import pattern_weight
from perdure.expressions.scope import Use

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
USUAL = settings(deadline=None)  # the machine may be busy
MORE = settings(deadline=None, max_examples=300)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)
keys = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\"\\'"), max_size=8)
TOKENS = [
    *"()[]{}.,?:+-*/%!<>=&| '\"\\",
    *("1", "2.5", "'x'", "true", "null", "input", "steps.a.output", "job.id", "item", "index"),
    *("has(", "size(", "map(", "matches(", "string(", "in", "&&", "||", "==", "${", "}"),
]
noise = st.text(max_size=200) | st.lists(st.sampled_from(TOKENS), max_size=120).map("".join)
SCOPE = Scope({"input": {"a": [1, 2.5, "x", None, {"b": True}], "s": "text"}, "item": 3}, {"a": {"output": "o"}})


def same(left: Any, right: Any) -> bool:
    """Equal, of equal types throughout: 1 is not 1.0, true is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@USUAL
@given(json_values)
def test_what_holds_no_template_resolves_to_itself(value: Any) -> None:
    if "${" not in json.dumps(value, ensure_ascii=False):
        assert same(resolve(value, SCOPE).value, value)


@USUAL
@given(json_values)
def test_a_value_comes_through_a_path_and_through_cel_unchanged(value: Any) -> None:
    scope = Scope({"input": value})
    assert same(resolve("${ input }", scope).value, value)
    assert same(resolve("${ [input][0] }", scope).value, value)
    assert resolve("${ input == input && input in [input] }", scope).value is True


@USUAL
@given(json_values)
def test_text_around_a_value_is_its_compact_json(value: Any) -> None:
    expected = (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    )
    assert resolve("<${ input }>", Scope({"input": value})).value == f"<{expected}>"


@USUAL
@given(json_values, st.lists(keys | st.integers(0, 3), max_size=5))
def test_a_pure_path_gives_what_cel_gives(value: Any, path: list[str | int]) -> None:
    for key in path:
        value = {key: value} if isinstance(key, str) else [0] * key + [value]
    source = "input" + "".join(f'["{key}"]' if isinstance(key, str) else f"[{key}]" for key in reversed(path))
    assert read_path(source) == ("input", *reversed(path))
    scope = Scope({"input": value})
    program = compile_text(source, loops=False)
    data = scope.select(program.analysis.uses)
    weigh_data(data)
    assert same(resolve(f"${{ {source} }}", scope).value, run(program, data))


@USUAL
@given(json_values, st.lists(st.lists(text | st.integers(0, 5), max_size=3), max_size=4))
def test_the_selected_part_holds_every_path_that_is_used(value: Any, paths: list[list[str | int]]) -> None:
    scope = Scope({"input": value})
    uses = [Use(("input", *path)) for path in paths]
    selected = Scope(scope.select(uses))
    for use in uses:
        try:
            expected = scope.find(use.path)
        except ExpressionError:
            continue
        assert same(selected.find(use.path), expected)


def _outcome(template: str) -> str:
    try:
        return json.dumps(resolve(template, SCOPE).value, allow_nan=False)
    except ExpressionError as error:
        return f"{error.expression[:201]} {error.message[:1000]}"


@MORE
@given(noise)
def test_no_text_makes_anything_but_a_value_or_an_expression_error(source: str) -> None:
    for template in (source, "${" + source + "}", "x ${ " + source + " } ${ input.s }"):
        check_template(template, roots=["input", "steps"], steps=["a"], allow_secrets=True)
        references(template)
        assert _outcome(template) == _outcome(template)


@MORE
@given(noise)
def test_what_has_no_problem_compiles_and_what_resolves_has_none(source: str) -> None:
    template = "${" + source + "}"
    found = check_template(template, roots=["input", "steps", "item"], steps=["a"], allow_secrets=True)
    try:
        resolved = resolve(template, SCOPE)
    except ExpressionError:
        return
    assert found == []
    assert isinstance(resolved, Resolved)


@USUAL
@given(st.text(max_size=60) | st.text("(){}[]\\pdw.*+?|,0123456789ab^$-", max_size=60))
def test_every_pattern_has_a_weight(pattern: str) -> None:
    assert pattern_weight(pattern) > 0


PROGRAM = """
import json, sys
from perdure.expressions import ExpressionError, Scope, resolve
scope = Scope({"input": json.loads(sys.argv[1])})
found = []
for template in json.loads(sys.argv[2]):
    try:
        found.append(resolve(template, scope).value)
    except ExpressionError as error:
        found.append(str(error))
print(json.dumps(found))
"""
SAME_EVERYWHERE = [
    "${ {'z': input, 'a': {'y': 1, 'x': 2}, 'm': [input]} }",
    "${ [input, {'b': 1, 'a': 2}] }",
    "text ${ input }",
    "${ input.missing }",
    "${ [input.missing] }",
    "${ input.zeta == input.nope || input.nope2 == 1 }",
    "${ {'b': 1, 1: 2, true: 3} }",
    "${ string(input.n * 1.1) + string(timestamp('2020-01-01T00:00:00.5Z')) }",
]


def test_two_processes_with_different_hash_seeds_give_the_same() -> None:
    data = {f"key {number}": number for number in range(40)} | {"zeta": 1, "n": 3, "א": ["😀"]}
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(data), json.dumps(SAME_EVERYWHERE)],
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1
    assert list(json.loads(answers.pop())[0]["z"]) == sorted(data)
