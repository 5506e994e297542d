"""Syntax trees survive the way out of the binding and back into it; mixing numbers changes nothing else."""

import pytest
from cel_expr_python import cel  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.expressions.arithmetic import mix_numbers
from perdure.expressions.serial import read_tree, write_tree
from perdure.expressions.wire import bytes_field, read_fields, varint_field

ENVIRONMENT = cel.NewEnv()
DATA = {"input": {"a": 3, "b": 2.5, "l": [1, 2.5, "x"], "s": "text"}}
SOURCES = [
    "null",
    "true && !false",
    "-9223372036854775808",
    "9223372036854775807 - 1",
    "18446744073709551615u",
    "-1.5e-300",
    "'😀 \\u05d0' + \"\"",
    "b'\\xff\\x00' == b'\\xff\\x00'",
    "input.a + input.b",
    "has(input.a) && !has(input.z)",
    "[1, [2.0, 'x'], []]",
    "{'a': 1, 'b': {}, 1: [null]}",
    "input.l.map(x, x == 'x' ? 0 : 1).exists(y, y == 0)",
    "input.l.filter(x, x != 'x').all(x, x * 2 > 0)",
    "input.l.exists_one(x, x == 1)",
    "size(input.l) > 2 ? input.s.startsWith('te') : matches(input.s, 'x')",
    "input['a'] + input.l[0] - -1",
    "timestamp('2020-01-01T00:00:00Z') - duration('1h')",
    "type(input.a) == int",
    "input.a * 2 * 2.5 / 3 - 1 + input.b",
]


def outcome(expression: cel.Expression) -> str:
    found = expression.eval(data=DATA)
    return f"{found.type().name()} {found!r}"


@pytest.mark.parametrize("source", SOURCES)
def test_a_tree_comes_back_as_it_went(source: str) -> None:
    parsed = ENVIRONMENT.compile(source, disable_check=True)
    tree = read_tree(parsed.serialize())
    again = ENVIRONMENT.deserialize(write_tree(tree))
    assert read_tree(again.serialize()) == tree
    assert outcome(again) == outcome(parsed)


names = st.sampled_from(["input.a", "input.b", "input.s", "input.l[0]", "1", "2.5", "'x'", "input.z", "[1]"])
sources = st.recursive(
    names,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "==", "<", "&&"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        )
        | st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} == 1 ? {parts[1]} : {parts[2]})")
        | inner.map(lambda part: f"[{part}][0]")
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(sources)
def test_what_cel_computes_itself_stays_as_it_is_when_numbers_mix(source: str) -> None:
    parsed = ENVIRONMENT.compile(source, disable_check=True)
    mixed = ENVIRONMENT.deserialize(write_tree(mix_numbers(read_tree(parsed.serialize()))))
    expected = parsed.eval(data=DATA)
    if expected.type().name() != "ERROR":
        assert outcome(mixed) == outcome(parsed)
    elif mixed.eval(data=DATA).type().name() != "ERROR":
        assert "No matching overloads" in repr(expected)


@given(st.lists(st.tuples(st.integers(1, 2**20), st.integers(0, 2**64 - 1) | st.binary(max_size=300))))
def test_wire_fields_come_back(fields: list[tuple[int, int | bytes]]) -> None:
    written = b"".join(
        varint_field(number, content) if isinstance(content, int) else bytes_field(number, content)
        for number, content in fields
    )
    assert list(read_fields(written)) == fields


def test_what_is_no_syntax_tree_is_refused() -> None:
    for data in (b"", b"\x0b", bytes_field(2, b""), bytes_field(2, bytes_field(2, varint_field(2, 1)))):
        with pytest.raises(ValueError, match=r"CEL syntax node|wire type"):
            read_tree(data)
