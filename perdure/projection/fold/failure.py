"""What a decoded Temporal failure of a step's activity says: how the attempt ended, with what error and ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perdure.contract.error import ErrorClass, ErrorInfo, error_info
from perdure.contract.ledger import AttemptLedger, Heartbeat
from perdure.contract.name import RESULT_CANCELED
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepFailure
from perdure.contract.step_timeout import timeout_error
from perdure.projection.fold import reading

_NOT_REGISTERED = "NotFoundError"
"""Type of the SDK's own failure when a worker has no activity of the asked name."""


@dataclass(frozen=True, slots=True)
class StepTerms:
    """What of a step's spec its errors tell; durations are as written in the spec."""

    type: str = ""
    job_type: str = "INLINE"
    timeout: str = "5m"
    total_timeout: str | None = None
    heartbeat_timeout: str = "30s"

    def error(self, code: str, error_class: ErrorClass, message: str) -> ErrorInfo:
        """An error of this step, found by the fold."""
        return error_info(code, error_class, message, job_type=self.job_type, step_type=self.type)

    def timeout_error(self, kind: str) -> ErrorInfo:
        """The error that a Temporal timeout of that kind means."""
        return timeout_error(
            kind,
            timeout=self.timeout,
            total_timeout=self.total_timeout,
            heartbeat_timeout=self.heartbeat_timeout,
            job_type=self.job_type,
            step_type=self.type,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `ledger` holds what the failure carried, empty where it carried none."""

    outcome: AttemptOutcome
    error: ErrorInfo
    ledger: AttemptLedger


def read_failure(failure: Mapping[str, Any], terms: StepTerms) -> Ended:
    """What the decoder made of a failure, read."""
    kind = reading.text(failure, "kind")
    if kind == "timeout":
        return _timeout(failure, terms)
    if kind == "canceled":
        return _ended(AttemptOutcome.CANCELED, canceled(terms))
    if kind == "reset":
        lost = terms.error("WORKER.LOST", ErrorClass.LOST, "the job was reset while the step ran")
        return _ended(AttemptOutcome.LOST, lost, _heartbeat_ledger(failure))
    return _application(failure, terms)


def read_last_failure(failure: Any, terms: StepTerms) -> Ended | None:
    """The same for the failure of the attempt before; None where there was none."""
    return read_failure(failure, terms) if isinstance(failure, Mapping) and failure else None


def canceled(terms: StepTerms) -> ErrorInfo:
    """The error of an attempt that was stopped because the job ends."""
    return terms.error(RESULT_CANCELED, ErrorClass.CANCELED, "the job was ending")


def lost(terms: StepTerms) -> ErrorInfo:
    """The error of an attempt that only a gap in the ledger shows."""
    return terms.timeout_error("HEARTBEAT")


def _application(failure: Mapping[str, Any], terms: StepTerms) -> Ended:
    details = reading.model(StepFailure, _first_detail(failure))
    if details is not None:
        return Ended(_outcome(details), details.error, details.ledger)
    type_ = reading.text(failure, "type")
    message = reading.text(failure, "message") or "the worker gave no reason"
    if type_ == RESULT_CANCELED:
        return _ended(AttemptOutcome.CANCELED, canceled(terms))
    if type_ == _NOT_REGISTERED:
        unknown = terms.error("WORKER.STEP_TYPE_UNKNOWN", ErrorClass.TRANSIENT, message)
        return _ended(AttemptOutcome.FAILED, unknown)
    code = type_ if type_ and "." in type_ else "STEP.INTERNAL"
    return _ended(AttemptOutcome.FAILED, terms.error(code, ErrorClass.INTERNAL, message))


def _outcome(failure: StepFailure) -> AttemptOutcome:
    if failure.error.code == RESULT_CANCELED:
        return AttemptOutcome.CANCELED
    told = failure.ledger.records[-1].outcome if failure.ledger.records else None
    return told if told not in (None, AttemptOutcome.COMPLETED, AttemptOutcome.CANCELED) else AttemptOutcome.FAILED


def _timeout(failure: Mapping[str, Any], terms: StepTerms) -> Ended:
    kind = reading.text(failure, "timeout_type") or ""
    outcome = AttemptOutcome.LOST if kind == "HEARTBEAT" else AttemptOutcome.TIMED_OUT
    ledger = _heartbeat_ledger(failure)
    if not ledger.records:
        before = read_last_failure(failure.get("cause"), terms)
        ledger = before.ledger if before else ledger
    return _ended(outcome, terms.timeout_error(kind), ledger)


def _heartbeat_ledger(failure: Mapping[str, Any]) -> AttemptLedger:
    heartbeat = reading.model(Heartbeat, _first_detail(failure))
    return heartbeat.ledger if heartbeat else AttemptLedger()


def _first_detail(failure: Mapping[str, Any]) -> Any:
    return next(iter(reading.items(failure, "details")), None)


def _ended(outcome: AttemptOutcome, error: ErrorInfo, ledger: AttemptLedger | None = None) -> Ended:
    return Ended(outcome, error, ledger or AttemptLedger())
