"""Cursors: what comes out is what went in, and nothing else is taken."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.store.cursor import CursorError, Keyset, decode, encode

moments = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
ids = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)


@given(moments, ids)
def test_a_cursor_comes_back_to_the_microsecond(created_at: datetime, id_: str) -> None:
    assert decode(encode(Keyset(created_at, id_))) == Keyset(created_at, id_)


@given(moments, ids)
def test_a_cursor_fits_in_a_query_string(created_at: datetime, id_: str) -> None:
    assert encode(Keyset(created_at, id_)).replace("-", "").replace("_", "").isalnum()


@given(st.text())
def test_any_other_text_is_refused_or_a_key(text: str) -> None:
    with suppress(CursorError):
        decode(text)


def test_the_refusal_names_the_parameter() -> None:
    with pytest.raises(CursorError) as caught:
        decode("no")
    assert caught.value.code == "API.VALIDATION"
    assert caught.value.details == {"path": "cursor"}
