"""Sessions: read as begun, for as long as they last, and under no other pepper, key or text."""

import pytest

from perdure.security.key import key_hash, new_key
from perdure.security.session import Sessions

PEPPER, OTHER = b"p" * 32, b"q" * 32
KEY = new_key()
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.5

    def __call__(self) -> float:
        return self.now


def test_a_session_names_its_key_and_holds_neither_the_key_nor_what_is_stored_of_it() -> None:
    text = Sessions(PEPPER, 12).begin(KEY)
    assert KEY.id in text
    assert KEY.text.rpartition("_")[2] not in text
    assert key_hash(PEPPER, KEY) not in text


def test_a_session_matches_the_secret_it_was_begun_with_and_no_other() -> None:
    sessions = Sessions(PEPPER, 12)
    proof = sessions.read(sessions.begin(KEY))
    assert proof is not None
    assert proof.key_id == KEY.id
    assert proof.matches(key_hash(PEPPER, KEY))
    assert not proof.matches(key_hash(PEPPER, new_key(KEY.id)))


def test_a_session_ends_after_its_hours() -> None:
    clock = Clock()
    sessions = Sessions(PEPPER, 12, clock)
    text = sessions.begin(KEY)
    clock.now += 12 * HOUR - 1
    assert sessions.read(text)
    clock.now += 2
    assert sessions.read(text) is None


def test_fewer_hours_end_the_sessions_there_are() -> None:
    clock = Clock()
    text = Sessions(PEPPER, 12, clock).begin(KEY)
    clock.now += 2 * HOUR
    assert Sessions(PEPPER, 1, clock).read(text) is None


def test_a_session_of_a_process_with_a_faster_clock_counts_but_none_from_the_future() -> None:
    clock = Clock()
    sessions = Sessions(PEPPER, 12, clock)
    text = sessions.begin(KEY)
    clock.now -= 30
    assert sessions.read(text)
    clock.now -= HOUR
    assert sessions.read(text) is None


def test_a_session_under_another_pepper_is_none() -> None:
    assert Sessions(OTHER, 12).read(Sessions(PEPPER, 12).begin(KEY)) is None


@pytest.mark.parametrize("part", range(4))
def test_a_session_with_any_part_altered_is_none(part: int) -> None:
    sessions = Sessions(PEPPER, 12)
    parts = sessions.begin(KEY).split(".")
    for place in (0, -1):
        changed = "1" if parts[part][place] != "1" else "2"
        altered = changed + parts[part][1:] if place == 0 else parts[part][:-1] + changed
        assert sessions.read(".".join([*parts[:part], altered, *parts[part + 1 :]])) is None


def test_parts_of_two_sessions_make_no_third() -> None:
    sessions = Sessions(PEPPER, 12)
    one, other = sessions.begin(KEY).split("."), sessions.begin(new_key()).split(".")
    for part in (0, 2, 3):
        assert sessions.read(".".join([*one[:part], other[part], *one[part + 1 :]])) is None


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.b.c.d", KEY.text, "x" * 100_000, "é" * 50, f"{KEY.id}.1800000000..", f"{KEY.id}.-1.{'0' * 64}"],
    # The key is another one in each process, and pytest-xdist needs the same names in all.
    ids=["nothing", "a dot", "letters", "a key", "long", "not ASCII", "no proof", "three parts"],
)
def test_text_of_another_form_is_none(text: str) -> None:
    assert Sessions(PEPPER, 12).read(text) is None
    assert Sessions(PEPPER, 12).read(f"{text}\n") is None
