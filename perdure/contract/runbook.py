"""Which runbook of `deploy/runbooks/` a failure leads to; used by the API's views and the reference of codes."""

from collections.abc import Mapping
from types import MappingProxyType

from perdure.contract.error import ErrorClass

FOLDER = "deploy/runbooks"
BY_CLASS: Mapping[ErrorClass, str] = MappingProxyType(
    {
        ErrorClass.TRANSIENT: "step-transient",
        ErrorClass.PERMANENT: "step-permanent",
        ErrorClass.THROTTLED: "step-throttled",
        ErrorClass.TIMEOUT: "step-timeout",
        ErrorClass.LOST: "step-lost",
        ErrorClass.CANCELED: "step-canceled",
        ErrorClass.INTERNAL: "step-internal",
    }
)
"""A failure class to the runbook of it."""
BY_CODE: Mapping[str, str] = MappingProxyType(
    {
        "STEP.EFFECT_UNKNOWN": "effect-unknown",
        "STEP.SECRET_MISSING": "secret-missing",
        "STEP.HTTP.BLOCKED": "address-blocked",
        "STEP.APPROVAL.REJECTED": "approval-rejected",
        "STEP.WAIT.TIMEOUT": "wait-timeout",
        "STEP.JOB.FAILED": "child-job",
        "STEP.JOB.CANCELED": "child-job",
        "STEP.JOB.TIMED_OUT": "child-job",
        "STEP.JOB.TERMINATED": "child-job",
        "STEP.OUTPUT_TOO_LARGE": "too-large",
        "STEP.HTTP.RESPONSE_TOO_LARGE": "too-large",
        "ENGINE.STATE_TOO_LARGE": "too-large",
        "ENGINE.INPUT_TOO_LARGE": "too-large",
        "ENGINE.FAN_OUT_TOO_LARGE": "too-large",
        "WORKER.STORAGE": "external-storage",
        "WORKER.STEP_TYPE_UNKNOWN": "step-type-unknown",
        "API.UNAVAILABLE": "part-away",
        "API.LEDGER_UNAVAILABLE": "postgres-down",
        "API.DECISION_TIMEOUT": "no-worker",
        "API.INTERNAL": "api-fault",
    }
)
"""Codes that have a runbook of their own."""


def runbook(code: str, error_class: str) -> str | None:
    """The path, within the repository, of what to read about this failure.

    Every failure of a job has one; a refused request only where its code has one of its own.
    """
    name = BY_CODE.get(code)
    if name is None and not code.startswith("API.") and error_class in BY_CLASS:
        name = BY_CLASS[ErrorClass(error_class)]
    return None if name is None else f"{FOLDER}/{name}.md"
