"""Bodies read strictly: what other readers would see differently is refused, with the place and the remedy."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perdure.admission.json_path import path_at, render
from perdure.admission.problem import MAX_PROBLEMS, AdmissionError
from perdure.admission.strict_json import read_json

LIMIT = 1024 * 1024


def refusal(body: bytes, limit: int = LIMIT) -> AdmissionError:
    with pytest.raises(AdmissionError) as refused:
        read_json(body, limit)
    return refused.value


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "$", "EMPTY"),
    "white space": (b" \t\r\n", "$", "EMPTY"),
    "text": (b"hello", "$", "SYNTAX"),
    "form": (b"name=a&steps=b", "$", "SYNTAX"),
    "xml": (b"<job/>", "$", "SYNTAX"),
    "single quotes": (b"{'a': 1}", "$", "SYNTAX"),
    "trailing comma": (b'{"a": [1, 2,]}', "$.a[2]", "SYNTAX"),
    "comment": (b'{"a": 1} // one', "$", "SYNTAX"),
    "two values": (b'{"a": 1} {"b": 2}', "$", "SYNTAX"),
    "cut off": (b'{"steps": [{"id": "a", "with": {"url": "x', "$.steps[0].with.url", "SYNTAX"),
    "closed twice": (b'{"a": 1}}', "$", "SYNTAX"),
    "control character": (b'{"a": "\x01"}', "$.a", "SYNTAX"),
    "raw NUL": (b'{"a": "\x00"}', "$.a", "SYNTAX"),
    "NUL after": (b'{"a": 1}\x00', "$", "SYNTAX"),
    "leading zero": (b'{"a": 01}', "$.a", "SYNTAX"),
    "plus sign": (b'{"a": +1}', "$.a", "SYNTAX"),
    "hexadecimal": (b'{"a": 0x1}', "$.a", "SYNTAX"),
    "bare point": (b'{"a": .5}', "$.a", "SYNTAX"),
    "name without quotes": (b"{a: 1}", "$", "SYNTAX"),
    "Python's words": (b'{"a": True}', "$.a", "SYNTAX"),
    "bad escape": (b'{"a": "\\x41"}', "$.a", "SYNTAX"),
    "byte order mark": (b'\xef\xbb\xbf{"a": 1}', "$", "SYNTAX"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "$", "UTF8"),
    "Latin-1": ('{"a": "é"}'.encode("latin-1"), "$.a", "UTF8"),
    "encoded surrogate": (b'{"a": "\xed\xa0\x80"}', "$.a", "UTF8"),
    "overlong": (b'{"a": "\xc0\x80"}', "$.a", "UTF8"),
    "cut character": (b'{"a": ["x", "\xf0\x9f\x98', "$.a[1]", "UTF8"),
    "NaN": (b'{"a": NaN}', "$.a", "NUMBER"),
    "Infinity": (b'{"a": [0, Infinity]}', "$.a[1]", "NUMBER"),
    "-Infinity": (b"[-Infinity]", "$[0]", "NUMBER"),
    "huge exponent": (b'{"a": 1e999}', "$.a", "NUMBER"),
    "huge negative": (b'{"a": -1e999}', "$.a", "NUMBER"),
    "vanishing": (b'{"a": 1e-999}', "$.a", "NUMBER"),
    "absurd exponent": (b'{"a": 1e' + b"9" * 5000 + b"}", "$.a", "NUMBER"),
    "2^53": (b'{"a": 9007199254740992}', "$.a", "NUMBER"),
    "2^53+1": (b'{"a": 9007199254740993}', "$.a", "NUMBER"),
    "-2^53": (b'{"a": -9007199254740992}', "$.a", "NUMBER"),
    "2^53+1 as a decimal": (b'{"a": 9007199254740993.0}', "$.a", "NUMBER"),
    "2^53+1 with an exponent": (b'{"a": 9007199254740993e0}', "$.a", "NUMBER"),
    "20 digits": (b'{"a": 12345678901234567890}', "$.a", "NUMBER"),
    "a million digits": (b"[" + b"1" * 1_000_000 + b"]", "$[0]", "NUMBER"),
    "pi to 20 places": (b'{"a": 3.14159265358979323846}', "$.a", "NUMBER"),
    "a tenth, a million places": (b"[0.1" + b"0" * 999_990 + b"1]", "$[0]", "NUMBER"),
    "duplicate": (b'{"a": 1, "b": 2, "a": 3}', "$.a", "DUPLICATE_FIELD"),
    "duplicate with the same value": (b'{"a": 1, "a": 1}', "$.a", "DUPLICATE_FIELD"),
    "duplicate by escape": (b'{"a": 1, "\\u0061": 2}', "$.a", "DUPLICATE_FIELD"),
    "duplicate inside": (b'{"s": [{"w": {"u": 1, "u": 2}}]}', "$.s[0].w.u", "DUPLICATE_FIELD"),
    "duplicate in a duplicate": (b'{"a": {"b": 1, "b": 2}, "a": 3}', "$.a", "DUPLICATE_FIELD"),
    "escaped NUL": (b'{"a": ["x\\u0000y"]}', "$.a[0]", "NUL"),
    "NUL in a name": (b'{"a\\u0000": 1}', '$["a\\u0000"]', "NUL"),
    "lone high surrogate": (b'{"a": "\\ud800"}', "$.a", "SURROGATE"),
    "lone low surrogate": (b'{"a": "\\uDFFF!"}', "$.a", "SURROGATE"),
    "surrogates the wrong way round": (b'{"a": "\\udc00\\ud800"}', "$.a", "SURROGATE"),
    "surrogate in a name": (b'{"x": {"\\ud834": 1}}', '$.x["\\ud834"]', "SURROGATE"),
    "65 lists": (b"[" * 65 + b"]" * 65, "$" + "[0]" * 64, "DEPTH"),
    "65 objects": (b'{"a":' * 65 + b"1" + b"}" * 65, "$" + ".a" * 64, "DEPTH"),
    "200,000 lists": (b"[" * 200_000, "$" + "[0]" * 64, "DEPTH"),
    "200,000 objects": (b'{"a":' * 200_000, "$" + ".a" * 64, "DEPTH"),
    "200,000 mixed": (b'[{"a":' * 100_000, "$" + "[0].a" * 32, "DEPTH"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_body_is_refused_at_its_place(name: str) -> None:
    body, path, code = REFUSED[name]
    error = refusal(body)
    assert error.code == "API.BODY_INVALID"
    assert (error.problems[0].path, error.problems[0].code) == (path, f"API.BODY.{code}")


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_body_is_refused_quickly(name: str) -> None:
    body, _, _ = REFUSED[name]
    began = time.perf_counter()
    refusal(body)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 500_000,
        b'"' * 1_000_000,
        b"[" * 64 + b'"[[[[' * 100_000,
        b'{"a":1,' * 140_000,
        b"[" + b"{}," * 340_000,
        b"[[]," * 250_000,
        b"-" * 1_000_000,
        b"\\" * 1_000_000,
    ],
    ids=["escaped quotes", "quotes", "brackets in text", "objects", "many objects", "lists", "minus", "backslash"],
)
def test_no_body_takes_long_to_refuse(body: bytes) -> None:
    began = time.perf_counter()
    refusal(body)
    assert time.perf_counter() - began < 5


ACCEPTED: dict[str, tuple[bytes, Any]] = {
    "64 lists": (b"[" * 64 + b"]" * 64, None),
    "brackets in text": (b'["' + b"[" * 200 + b'"]', ["[" * 200]),
    "escaped quote before brackets": (b'["\\"' + b"[" * 200 + b'"]', ['"' + "[" * 200]),
    "largest integer": (b"[9007199254740991, -9007199254740991]", [9007199254740991, -9007199254740991]),
    "largest integer as a decimal": (b"[9007199254740991.0]", [9007199254740991.0]),
    "17 digits": (b"[0.10000000000000001]", [0.1]),
    "power of ten": (b"[1e300, 1e22, 1E+2, 25e-1]", [1e300, 1e22, 100.0, 2.5]),
    "largest double": (b"[1.7976931348623157e308]", [1.7976931348623157e308]),
    "smallest double": (b"[5e-324]", [5e-324]),
    "zeros": (b"[0, -0, 0.0, -0.0, 0e999, 0.000]", [0, 0, 0.0, 0.0, 0.0, 0.0]),
    "trailing zeros": (b"[1.50000000000000000000]", [1.5]),
    "surrogate pair": (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
    "emoji": ('["\U0001f600 \u05d0"]'.encode(), ["\U0001f600 \u05d0"]),
    "backslash before u0000": (b'["\\\\u0000"]', ["\\u0000"]),
    "empty name": (b'{"": 1}', {"": 1}),
    "same name in different objects": (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
    "white space around": (b' \r\n\t{"a": 1} ', {"a": 1}),
    "not an object": (b"null", None),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_well_formed_body_is_read_exactly(name: str) -> None:
    body, value = ACCEPTED[name]
    assert read_json(body, LIMIT) == (value if value is not None else json.loads(body))


def test_b13_whole_and_decimal_numbers_keep_their_kind() -> None:
    one, decimal = read_json(b"[1, 1.0]", LIMIT)
    assert (type(one), type(decimal)) == (int, float)


def test_every_wrong_place_is_named() -> None:
    body = b'{"a": NaN, "b": ["\\u0000", 9007199254740993], "c": {"d": 1, "d": 2, "e": "\\ud800"}}'
    assert [(found.path, found.code.removeprefix("API.BODY.")) for found in refusal(body).problems] == [
        ("$.a", "NUMBER"),
        ("$.b[0]", "NUL"),
        ("$.b[1]", "NUMBER"),
        ("$.c.d", "DUPLICATE_FIELD"),
        ("$.c.e", "SURROGATE"),
    ]


def test_number_of_problems_told_is_bounded() -> None:
    error = refusal(b"[" + b",".join([b"NaN"] * 100_000) + b"]")
    assert len(error.problems) == MAX_PROBLEMS
    assert f"more than {MAX_PROBLEMS}" in error.message


def test_size_is_checked_before_anything_else() -> None:
    error = refusal(b"\xff" * 1025, 1024)
    assert error.code == "API.BODY_TOO_LARGE"
    assert "1024 bytes" in error.message


def test_a_body_of_just_the_limit_is_read() -> None:
    body = b'"' + b"x" * 1022 + b'"'
    assert read_json(body, 1024) == "x" * 1022


def test_syntax_error_names_line_and_column() -> None:
    assert "(line 3, column 8)" in refusal(b'{\n  "a": 1,\n  "b": x\n}').message


def test_a_message_never_repeats_a_long_number() -> None:
    assert len(refusal(b"[" + b"1" * 10_000 + b"]").message) < 300


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "$"),
        (("steps", 2, "with", "url"), "$.steps[2].with.url"),
        (("my key", 0), '$["my key"][0]'),
        (('"', "é"), '$["\\""]["\\u00e9"]'),
        (("x" * 200,), f'$["{"x" * 80}\\u2026"]'),
    ],
)
def test_path_is_shown_as_json_path(path: tuple[str | int, ...], text: str) -> None:
    assert render(path) == text


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_what_programs_write_is_read_back_as_it_was(value: Any, escaped: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=escaped).encode(), LIMIT) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_printed_with_17_digits_are_read(value: float) -> None:
    text = f"{value:.17g}"
    if value.is_integer() and abs(value) >= 2**53:
        text = repr(value)
    assert read_json(f"[{text}]".encode(), LIMIT) == [value]


@given(st.binary(max_size=200))
@example(b'{"a":')
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_json(body, LIMIT)
    except AdmissionError as error:
        assert error.problems  # noqa: PT017  either outcome is right; a refusal names a place


@given(st.text(alphabet='{}[]",:1ae\\ \n', max_size=60), st.integers(0, 60))
def test_a_place_is_found_in_any_text(text: str, position: int) -> None:
    render(path_at(text, min(position, len(text))))


@given(json_values)
def test_a_cut_document_is_refused_or_whole(value: Any) -> None:
    body = json.dumps([value]).encode()[:-1]
    assert refusal(body).code == "API.BODY_INVALID"
