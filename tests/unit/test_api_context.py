"""Request ids and traces as they come in: taken where they are valid, replaced or left out where not."""

import pytest

from api.context import read_request_id, read_trace

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_a_valid_request_id_is_kept() -> None:
    assert read_request_id({"x-request-id": "order-1042:a.b_C"}) == "order-1042:a.b_C"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "é", "a\nb", "<script>", "\0"])
def test_another_request_id_is_replaced(sent: str) -> None:
    made = read_request_id({"x-request-id": sent})
    assert made != sent
    assert len(made) == 36


def test_a_valid_traceparent_gives_the_place_in_the_trace() -> None:
    assert read_trace({"traceparent": PARENT}) == (TRACE, "00f067aa0ba902b7", True)


def test_a_traceparent_of_a_later_version_is_read() -> None:
    place = read_trace({"traceparent": f"cc-{TRACE}-00f067aa0ba902b7-01-what-else"})
    assert place is not None
    assert place.traceparent == PARENT


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "00",
        PARENT.upper(),
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}x",
        f"{PARENT}-more",
        f" {PARENT}",
        f"00-{TRACE[:-1]}-00f067aa0ba902b7-01",
    ],
)
def test_an_invalid_traceparent_is_ignored(sent: str) -> None:
    assert read_trace({"traceparent": sent}) is None
