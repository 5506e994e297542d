"""Which failures of an `at_most_once` step leave it open whether it took effect."""

from typing import Any

import pytest

from perdure.contract.effect import effect_unknown
from perdure.contract.error import ErrorClass, error_info


@pytest.mark.parametrize(
    ("code", "error_class", "details"),
    [
        ("WORKER.LOST", "LOST", {}),
        ("WORKER.SHUTDOWN", "LOST", {}),
        ("WORKER.INTERRUPTED", "LOST", {}),
        ("STEP.EFFECT_UNKNOWN", "LOST", {}),
        ("STEP.TIMEOUT", "TIMEOUT", {}),
        ("STEP.TOTAL_TIMEOUT", "TIMEOUT", {}),
        ("STEP.HTTP.TIMEOUT", "TIMEOUT", {}),
        ("STEP.HTTP.DISCONNECTED", "TRANSIENT", {}),
        ("STEP.INTERNAL", "INTERNAL", {}),
        ("CANCELED", "CANCELED", {}),
        ("STEP.HTTP.5XX", "TRANSIENT", {"status": 502}),
        ("STEP.HTTP.5XX", "TRANSIENT", {"status": 504}),
        ("STEP.HTTP.EXPECT", "PERMANENT", {"status": 201}),
        ("STEP.HTTP.RESPONSE_TOO_LARGE", "PERMANENT", {"status": 200}),
        ("STEP.OUTPUT_TOO_LARGE", "PERMANENT", {}),
        ("STEP.OUTPUT_INVALID", "PERMANENT", {}),
        ("ENGINE.STATE_TOO_LARGE", "PERMANENT", {}),
        ("WORKER.STORAGE", "TRANSIENT", {}),
    ],
)
def test_these_may_have_taken_effect(code: str, error_class: str, details: dict[str, Any]) -> None:
    assert effect_unknown(error_info(code, ErrorClass(error_class), "m", details))


@pytest.mark.parametrize(
    ("code", "error_class", "details"),
    [
        ("STEP.HTTP.CONNECT", "TRANSIENT", {}),
        ("STEP.HTTP.BLOCKED", "PERMANENT", {}),
        ("STEP.HTTP.4XX", "PERMANENT", {"status": 422}),
        ("STEP.HTTP.4XX", "TRANSIENT", {"status": 408}),
        ("STEP.HTTP.5XX", "TRANSIENT", {"status": 500}),
        ("STEP.HTTP.THROTTLED", "THROTTLED", {"status": 429}),
        ("STEP.HTTP.THROTTLED", "THROTTLED", {"status": 503}),
        ("STEP.HTTP.EXPECT", "PERMANENT", {"status": 302}),
        ("STEP.HTTP.EXPECT", "PERMANENT", {}),
        ("STEP.PARAMETERS", "PERMANENT", {}),
        ("STEP.SECRET_MISSING", "TRANSIENT", {}),
        ("WORKER.STEP_TYPE_UNKNOWN", "TRANSIENT", {}),
        ("ENGINE.EXPRESSION", "PERMANENT", {}),
        ("STEP.WAIT.TIMEOUT", "TIMEOUT", {}),
        ("MY.PLUGIN", "TRANSIENT", {"status": 200}),
    ],
)
def test_these_surely_took_none(code: str, error_class: str, details: dict[str, Any]) -> None:
    assert not effect_unknown(error_info(code, ErrorClass(error_class), "m", details))
