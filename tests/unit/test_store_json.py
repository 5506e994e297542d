"""What goes into Postgres as JSON: exact where it can be, replaced where it cannot."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perdure.store.json_row import dumps, storable

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
floats = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)
anything = st.recursive(
    st.none() | st.floats() | st.text(st.characters(min_codepoint=0, categories=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


@given(values)
def test_json_values_are_kept_exactly(value: Any) -> None:
    assert repr(json.loads(dumps(value))) == repr(value)


@given(anything)
def test_whatever_a_step_returns_becomes_json_that_postgres_takes(value: Any) -> None:
    encoded = dumps(value)
    assert "\x00" not in repr(json.loads(encoded, parse_constant=lambda _: "\x00")).replace("\\x00", "\x00")
    encoded.encode()


def test_a_pair_of_surrogates_is_one_character_and_a_lone_one_is_replaced() -> None:
    assert storable("\ud83d\ude42 \ud83d") == "🙂 \ufffd"


def test_the_text_backslash_u0000_is_no_nul() -> None:
    assert json.loads(dumps({"a": "\\u0000"})) == {"a": "\\u0000"}


def test_what_is_nested_too_deeply_is_cut_and_the_rest_kept() -> None:
    deep: Any = 1
    for _ in range(190):
        deep = [deep]
    cut = json.loads(dumps({"deep": deep, "kept": [1, 2]}))
    assert _depth(cut) < 150
    assert cut["kept"] == [1, 2]


def test_many_brackets_that_are_not_deep_are_kept() -> None:
    wide = [[number] for number in range(1_000)]
    assert json.loads(dumps(wide)) == wide
