"""Request ids and traces as they come in: taken where they are valid, replaced or left out where not."""

import pytest

from api.context import read_context

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_a_valid_request_id_is_kept() -> None:
    assert read_context({"x-request-id": "order-1042:a.b_C"}).request_id == "order-1042:a.b_C"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "é", "a\nb", "<script>", "\0"])
def test_another_request_id_is_replaced(sent: str) -> None:
    made = read_context({"x-request-id": sent}).request_id
    assert made != sent
    assert len(made) == 36


def test_a_valid_traceparent_gives_the_trace() -> None:
    context = read_context({"traceparent": PARENT})
    assert (context.traceparent, context.trace_id) == (PARENT, TRACE)


def test_a_traceparent_of_a_later_version_is_read() -> None:
    assert read_context({"traceparent": f"cc-{TRACE}-00f067aa0ba902b7-01-what-else"}).trace_id == TRACE


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
    context = read_context({"traceparent": sent})
    assert (context.traceparent, context.trace_id) == (None, None)
