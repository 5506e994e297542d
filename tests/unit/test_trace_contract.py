"""The W3C context of jobs as pure functions: what workflow, fold, API and steps agree on without asking each other."""

import subprocess
import sys

import pytest

from perdure.contract.trace import child_traceparent, job_context, job_span_id, read_traceparent

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_the_place_is_read_and_written_alike() -> None:
    place = read_traceparent(SENT)
    assert place == (TRACE, "00f067aa0ba902b7", True)
    assert place.traceparent == SENT


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_only_the_lowest_flag_says_sampled(flags: str, sampled: bool) -> None:
    place = read_traceparent(f"00-{TRACE}-00f067aa0ba902b7-{flags}")
    assert place is not None
    assert place.sampled is sampled
    assert place.traceparent[-2:] == ("01" if sampled else "00")


def test_a_later_version_may_have_more_behind_and_is_handed_on_as_ours() -> None:
    place = read_traceparent(f"cc-{TRACE}-00f067aa0ba902b7-01-what-else")
    assert place is not None
    assert place.traceparent == SENT


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        SENT + "-more",
        SENT.upper(),
        f"ff{SENT[2:]}",
        SENT.replace("f067", "F067"),
        " " + SENT,
        SENT + "\n",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_what_is_no_traceparent_is_none(text: str | None) -> None:
    assert read_traceparent(text) is None


def test_the_span_of_a_job_is_the_same_everywhere_and_one_a_job_and_trace() -> None:
    # Stored histories and traces hold it: it must never change.
    assert job_span_id(TRACE, "acme:order-1042") == "59c711fca3255c58"
    assert job_span_id(TRACE, "acme:order-1043") != job_span_id(TRACE, "acme:order-1042")
    assert job_span_id("0" + TRACE[1:], "acme:order-1042") != job_span_id(TRACE, "acme:order-1042")


def test_a_child_is_under_the_span_of_its_parents_job_in_the_same_trace() -> None:
    given = child_traceparent(SENT, "acme:order-1042")
    assert given == f"00-{TRACE}-{job_span_id(TRACE, 'acme:order-1042')}-01"
    grandchild = child_traceparent(given, "acme:order-1042~~mail")
    assert grandchild == f"00-{TRACE}-{job_span_id(TRACE, 'acme:order-1042~~mail')}-01"


def test_a_child_of_an_unsampled_trace_is_unsampled() -> None:
    assert child_traceparent(f"{SENT[:-2]}00", "acme:order-1042").endswith("-00")


@pytest.mark.parametrize("text", ["", "x", SENT + "-more"])
def test_a_workflow_hands_on_what_it_does_not_understand(text: str) -> None:
    assert child_traceparent(text, "acme:order-1042") == text


def test_the_place_of_a_job_without_a_trace_is_none() -> None:
    assert job_context(None, "acme:order-1042") is None


def test_workflow_code_imports_no_more_than_the_standard_library_by_it() -> None:
    code = "import sys; import perdure.contract.trace; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"opentelemetry", "pydantic", "temporalio"}.intersection(loaded)
