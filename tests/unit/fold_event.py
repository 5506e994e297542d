"""Builds decoded histories for the fold's tests, event by event, as Temporal writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from perdure.contract.error import ErrorClass, ErrorInfo
from perdure.contract.execution import JobResult, JobStart, JobState
from perdure.contract.journal import JournalType
from perdure.contract.ledger import AttemptLedger, AttemptRecord, Heartbeat
from perdure.contract.note import Note, NoteBatch
from perdure.contract.spec import JobSpec
from perdure.contract.state import AttemptOutcome
from perdure.contract.step_call import StepFailure, StepResult
from perdure.projection import fold
from perdure.projection.history import HistoryEvent
from perdure.projection.record import JobRecord, JournalEvent

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
TICK = timedelta(milliseconds=10)
JOB_ID = "acme:order-1"
RUN_ID = "run-1"


def dump(model: Any) -> Any:
    """As the data converter sends it."""
    return model.model_dump(mode="json", by_alias=True)


def failed_error(code: str = "STEP.HTTP.5XX", message: str = "it answered 500") -> ErrorInfo:
    return ErrorInfo.model_validate({"code": code, "class": ErrorClass.TRANSIENT, "message": message})


def tried(number: int, outcome: AttemptOutcome | None = AttemptOutcome.FAILED, **fields: Any) -> AttemptRecord:
    """An attempt of worker w1 that began at second `number` and took half of one."""
    began = START + timedelta(seconds=number)
    ended = began + timedelta(milliseconds=500) if outcome else None
    error = failed_error() if outcome is AttemptOutcome.FAILED else None
    known: dict[str, Any] = {"worker": "w1", "started_at": began, "ended_at": ended, "outcome": outcome, "error": error}
    return AttemptRecord(attempt=number, **(known | fields))


def ledger(*records: AttemptRecord) -> AttemptLedger:
    found = AttemptLedger()
    for record in records:
        found = found.put(record)
    return found


def failures(count: int) -> AttemptLedger:
    return ledger(*(tried(number) for number in range(1, count + 1)))


def application(error: ErrorInfo | None = None, of: AttemptLedger | None = None, type_: str = "") -> dict[str, Any]:
    """A decoded ApplicationError; with `error` the wrapper's, else somebody else's of type `type_`."""
    if error is None:
        return {"kind": "application", "message": "oh no", "type": type_, "details": []}
    details = [dump(StepFailure(error=error, ledger=of or AttemptLedger()))]
    return {"kind": "application", "message": error.message, "type": error.code, "details": details}


def timeout(kind: str, of: AttemptLedger | None = None, cause: dict[str, Any] | None = None) -> dict[str, Any]:
    details = [] if of is None else [dump(Heartbeat(ledger=of))]
    found = {"kind": "timeout", "message": "timed out", "timeout_type": kind, "details": details}
    return found | ({"cause": cause} if cause else {})


class History:
    """A run's events so far; each method adds what Temporal would, 10 ms after the event before."""

    def __init__(self, *steps: str | dict[str, Any], job_id: str = JOB_ID, run_id: str = RUN_ID, **spec: Any) -> None:
        listed = [{"id": step, "type": "LOG"} if isinstance(step, str) else step for step in steps]
        self.spec = JobSpec.model_validate({"name": "order", "steps": listed, **spec})
        self.job_id = job_id
        self.run_id = run_id
        self.events: list[HistoryEvent] = []
        self._noted = 0

    def add(self, type_: str, summary: str | None = None, **data: Any) -> int:
        """Add an event; its id."""
        event_id = len(self.events) + 1
        self.events.append(HistoryEvent(event_id, START + event_id * TICK, type_, data, summary))
        return event_id

    def fold(self) -> tuple[JobRecord, list[JournalEvent]]:
        state, journal = fold.fold_run(self.job_id, self.run_id, self.events)
        return fold.record(state), journal

    # --- the run ---

    def submitted(self, carried: JobState | None = None, **data: Any) -> Self:
        """The first event, and the first workflow task scheduled."""
        start = JobStart(spec=self.spec, tenant="acme", carried=carried)
        usual = {
            "input": dump(start),
            "memo": {"submitted_by": "key:ops", "fingerprint": "f1", "request_id": "r1"},
            "task_queue": "perdure-default",
            "first_run_id": self.run_id,
            "original_run_id": self.run_id,
        }
        self.add("WORKFLOW_EXECUTION_STARTED", **(usual | data))
        self.add("WORKFLOW_TASK_SCHEDULED")
        return self

    def task(self) -> Self:
        """A workflow task started and completed."""
        started = self.add("WORKFLOW_TASK_STARTED")
        self.add("WORKFLOW_TASK_COMPLETED", started_event_id=started)
        return self

    def begun(self, **data: Any) -> Self:
        return self.submitted(**data).task()

    # --- steps ---

    def scheduled(self, step: str, round_: int = 1) -> int:
        activity_id = step if round_ == 1 else f"{step}.r{round_}"
        return self.add(
            "ACTIVITY_TASK_SCHEDULED", step, activity_id=activity_id, activity_type="LOG", start_to_close_ms=300_000
        )

    def attempt(self, scheduled: int, number: int, last_failure: dict[str, Any] | None = None) -> None:
        """The attempt that closes the activity."""
        self.add(
            "ACTIVITY_TASK_STARTED",
            scheduled_event_id=scheduled,
            identity="w1",
            attempt=number,
            last_failure=last_failure,
        )

    def completed(self, scheduled: int, output: Any = None, failed: int = 0) -> Self:
        """The activity completed after `failed` failed attempts."""
        last = tried(failed + 1, AttemptOutcome.COMPLETED)
        self.attempt(scheduled, failed + 1)
        result = StepResult(output=output, ledger=failures(failed).put(last))
        self.add("ACTIVITY_TASK_COMPLETED", scheduled_event_id=scheduled, result=dump(result))
        return self

    def failed(self, scheduled: int, count: int = 1, error: ErrorInfo | None = None) -> Self:
        """The activity failed for good with its attempt number `count`."""
        self.attempt(scheduled, count)
        failure = application(error or failed_error(), failures(count))
        self.add("ACTIVITY_TASK_FAILED", scheduled_event_id=scheduled, failure=failure)
        return self

    def ran(self, step: str, output: Any = None, failed: int = 0) -> Self:
        """A step that ran and completed, and the workflow task after it."""
        return self.completed(self.scheduled(step), output, failed).task()

    def noted(self, *notes: Note) -> Self:
        self._noted += len(notes)
        self.add("WORKFLOW_PROPERTIES_MODIFIED", notes=dump(NoteBatch(n=self._noted, e=list(notes))))
        return self

    def parked(self, step: str, error: ErrorInfo | None = None, round_: int = 1) -> Self:
        """A step failed for good and its job is dead-lettered."""
        error = error or failed_error()
        return self.noted(
            Note(kind=JournalType.STEP_PARKED, step=step, round=round_, error=error),
            Note(kind=JournalType.JOB_DEAD_LETTERED, error=error, data={"steps": [step]}),
        )

    def retried(self, *steps: str, round_: int = 2, actor: str | None = "ops", via: str = "update") -> Self:
        rounds = dict.fromkeys(steps, round_)
        data = {"steps": list(steps), "rounds": rounds, "via": via}
        return self.noted(Note(kind=JournalType.JOB_RETRY_REQUESTED, actor=actor, reason="again", data=data))

    # --- the end ---

    def closed(self, result: JobResult) -> Self:
        """The workflow ended by itself."""
        if result.error is None:
            self.add("WORKFLOW_EXECUTION_COMPLETED", result=dump(result))
            return self
        failure = {"kind": "application", "type": result.error.code, "message": result.error.message}
        self.add("WORKFLOW_EXECUTION_FAILED", failure=failure | {"details": [dump(result)]})
        return self


def types(journal: list[JournalEvent]) -> list[str]:
    return [row.type.value for row in journal]
