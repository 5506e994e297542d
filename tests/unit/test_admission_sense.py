"""What is well-formed and means nothing is refused in a fresh spec, with its place, and in fresh ones alone."""

from typing import Any

import pytest

from perdure.admission.admission import admit
from perdure.admission.problem import AdmissionError

STEP: dict[str, Any] = {"id": "a", "type": "LOG", "with": {"message": "x"}}


def spec(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "x", "steps": list(steps) or [STEP], **fields}


def step(type_: str, **params: Any) -> dict[str, Any]:
    return {"id": "a", "type": type_, "with": params}


def told(document: dict[str, Any], *, again: bool = False) -> list[str]:
    try:
        admit(document, again=again)
    except AdmissionError as error:
        return [problem.path for problem in error.problems]
    return []


CHILD = spec({**STEP, "retry": {"non_retryable_errors": [" "]}})
MEANINGLESS = {
    "blank error code": (spec(retry={"non_retryable_errors": ["  "]}), "$.retry.non_retryable_errors[0]"),
    "no error code": (
        spec({**STEP, "retry": {"non_retryable_errors": ["A.B", "bad gateway"]}}),
        "$.steps[0].retry.non_retryable_errors[1]",
    ),
    "of a compensation": (
        spec({**STEP, "compensate": {**step("LOG", message="x"), "retry": {"non_retryable_errors": ["é"]}}}),
        "$.steps[0].compensate",
    ),
    "a cancel is not retried": (
        spec(retry={"non_retryable_errors": ["CANCELED"]}),
        "$.retry.non_retryable_errors[0]",
    ),
    "a cancel is not caught": (spec({**STEP, "catch": [{"errors": ["CANCELED"]}]}), "$.steps[0].catch[0].errors[0]"),
    "in a dependent": (
        spec(dependents=[{"name": "d", "job": CHILD}]),
        "$.dependents[0].job.steps[0].retry.non_retryable_errors[0]",
    ),
    "in a child job": (spec(step("JOB", job=CHILD)), "$.steps[0].with.job.steps[0].retry.non_retryable_errors[0]"),
    "a wait without end": (spec(step("WAIT", name="go", on_timeout="continue")), "$.steps[0].with.on_timeout"),
    "an approval without end": (
        spec(step("APPROVAL", timeout=None, on_timeout="continue")),
        "$.steps[0].with.on_timeout",
    ),
    "a blank name": (spec(step("WAIT", name=" ")), "$.steps[0].with.name"),
    "a schema that nothing meets": (spec(step("WAIT", name="go", schema=False)), "$.steps[0].with.schema"),
    "a value for an expression": (spec(step("COMPUTE", expression="1 + 1", value=[1])), "$.steps[0].with.value"),
    "an algorithm for an expression": (
        spec(step("COMPUTE", expression="1 + 1", algorithm="sha512")),
        "$.steps[0].with.algorithm",
    ),
    "a header twice": (
        spec(step("HTTP_CALL", url="https://a.example", headers={"X-A": "1", "x-a": "2"})),
        '$.steps[0].with.headers["x-a"]',
    ),
    "no dead letter, a dependent of one": (
        spec(dead_letter={"enabled": False}, dependents=[{"name": "d", "when": "dead_letter", "job": spec()}]),
        "$.dependents[0].when",
    ),
    "a worker that must never be silent": (spec({**STEP, "heartbeat_timeout": "10ms"}), "$.steps[0].heartbeat_timeout"),
    "a blank correlation id": (spec(correlation_id=" "), "$.correlation_id"),
    "a blank fairness key": (spec(fairness_key="\t"), "$.fairness_key"),
    "a blank label": (spec(labels={"team": "  "}), "$.labels.team"),
    "a nameless parameter": (spec(step("SLEEP", duration="1s", **{"": 1})), '$.steps[0].with[""]'),
}
FINE = {
    "a short silence": spec({**STEP, "heartbeat_timeout": "100ms"}),
    "codes": spec(retry={"non_retryable_errors": ["STEP.HTTP.4XX", "*", "acme-42.*"]}),
    "a default said": spec(step("WAIT", name="go", on_timeout="fail")),
    "a timeout to come": spec(step("WAIT", name="go", timeout="${ input.patience }", on_timeout="continue"), input={}),
    "any payload": spec(step("WAIT", name="go", schema=True)),
    "a hash": spec(step("COMPUTE", operation="hash", value=None, algorithm="sha512")),
    "never parked": spec(dead_letter={"enabled": False}, dependents=[{"name": "d", "when": "failure", "job": spec()}]),
    "an end that nothing reaches": spec({**STEP, "timeout": "5m", "total_timeout": "1m"}),
}


@pytest.mark.parametrize("case", MEANINGLESS)
def test_what_means_nothing_is_refused_at_its_place(case: str) -> None:
    document, place = MEANINGLESS[case]
    assert any(path.startswith(place) for path in told(document)), told(document)


@pytest.mark.parametrize("case", FINE)
def test_what_the_contract_allows_is_accepted(case: str) -> None:
    assert told(FINE[case]) == []


def test_a_spec_that_was_accepted_before_is_accepted_again() -> None:
    assert told(MEANINGLESS["a wait without end"][0], again=True) == []
    assert told(MEANINGLESS["a blank label"][0], again=True) == []
