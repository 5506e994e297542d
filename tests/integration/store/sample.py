"""Jobs made up for tests of the queries."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from perdure.contract.error import ErrorClass, ErrorInfo, error_info
from perdure.contract.ledger import AttemptRecord
from perdure.contract.state import AttemptOutcome, JobStatus, StepStatus
from perdure.projection.record import JobRecord, LiveObservation, StepAttempt, StepRecord
from perdure.projection.writer import Projection, RunProjection

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
_numbers = count()


def job(id_: str | None = None, **fields: Any) -> JobRecord:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "id": id_ or f"default:job-{number}",
        "tenant": "default",
        "name": "sample",
        "type": "INLINE",
        "status": JobStatus.RUNNING,
        "status_reason": "running step a",
        "queue": "default",
        "priority": 3,
        "created_at": START + timedelta(milliseconds=number),
        "run_id": f"run-{number}",
        "run_started_at": START + timedelta(milliseconds=number),
        "last_event_id": 7,
        "steps": [StepRecord(id="a", type="HTTP_CALL", position=0, status=StepStatus.RUNNING)],
    }
    return JobRecord(**(defaults | fields))


def projection(record: JobRecord, *observations: LiveObservation, **fields: Any) -> Projection:
    run = RunProjection(record, record.status.final, fields.pop("continued_from", None), fields.pop("base", None))
    return Projection(record.id, [run], observations=observations, **fields)


def failed(number: int, *, round_: int = 1) -> StepAttempt:
    return StepAttempt(attempt=number, round=round_, outcome=AttemptOutcome.FAILED, worker="w", error=broken())


def broken() -> ErrorInfo:
    return error_info("STEP.HTTP.5XX", ErrorClass.TRANSIENT, "the partner answered 503")


def retrying(record: JobRecord, failures: int) -> LiveObservation:
    """Step `a` after so many failures, waiting for the next attempt."""
    return LiveObservation(
        job_id=record.id,
        run_id=record.run_id,
        step_id="a",
        round=1,
        observed_at=START,
        attempt=failures + 1,
        attempts=[AttemptRecord(**_without_place(failed(number))) for number in range(1, failures + 1)],
        error=broken(),
        next_retry_at=START + timedelta(seconds=30),
    )


def _without_place(attempt: StepAttempt) -> dict[str, Any]:
    return {name: value for name, value in attempt if name in AttemptRecord.model_fields}
