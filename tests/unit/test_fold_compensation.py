"""The fold of compensations: what they undo, what becomes of the job while they run, and when one fails."""

from perdure.contract.execution import JobResult
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import JobStatus, Resolution, StepStatus
from perdure.projection.record import JobRecord
from tests.unit.fold_event import History, dump, failed_error, types

UNDO = {"type": "LOG", "with": {}}
PAY = {"id": "pay", "type": "LOG", "compensate": UNDO}
DISCARDED = Note(kind=JournalType.JOB_DISCARDED, actor="key:ops", data={"resolution": "DISMISSED", "via": "update"})


def discarded() -> History:
    """`pay` completed, `bad` failed and was given up."""
    history = History(PAY, "bad").begun().ran("pay", output=1)
    history.failed(history.scheduled("bad")).parked("bad")
    return history.noted(DISCARDED, Note(kind=JournalType.STEP_FAILED, step="bad", round=1, error=failed_error()))


def ended(history: History) -> JobRecord:
    result = JobResult(status=JobStatus.FAILED, error=failed_error(), error_step="bad", resolution=Resolution.DISMISSED)
    failure = {"kind": "application", "type": "STEP.HTTP.5XX", "message": "no", "details": [dump(result)]}
    history.add("WORKFLOW_EXECUTION_FAILED", failure=failure)
    return history.fold()[0]


def test_a_compensation_runs_and_its_step_is_compensated() -> None:
    history = discarded()
    scheduled = history.scheduled("pay.compensate")
    job, _ = history.fold()
    assert (job.status, job.status_reason) == (JobStatus.RUNNING, "compensating step pay")
    assert (job.steps[0].status, job.steps[0].compensation and job.steps[0].compensation.status) == (
        StepStatus.COMPLETED, StepStatus.RUNNING,
    )  # fmt: skip
    job, journal = history.completed(scheduled, failed=1).fold()
    step = job.steps[0]
    assert (step.status, step.output, step.attempt_count) == (StepStatus.COMPENSATED, 1, 1)
    assert step.compensation is not None
    assert (step.compensation.status, step.compensation.attempt_count) == (StepStatus.COMPLETED, 2)
    assert (job.attempts, job.retry_count) == (4, 1)
    row = journal[-1]
    assert (row.type, row.step_id, row.status, row.data["compensation"]) == (
        "STEP_COMPENSATED", "pay", "COMPENSATED", True,
    )  # fmt: skip
    assert ended(history).status_reason == (
        "the dead letter was discarded: step bad failed: STEP.HTTP.5XX: it answered 500 (step pay was compensated)"
    )


def test_c5_a_compensation_that_fails_for_good_parks_the_job_again_until_it_is_retried() -> None:
    history = discarded()
    history.failed(history.scheduled("pay.compensate")).parked("pay.compensate")
    job, journal = history.fold()
    assert (job.status, job.error, job.error_step) == (JobStatus.DEAD_LETTERED, failed_error(), "pay")
    assert job.status_reason == "the compensation of step pay is parked: STEP.HTTP.5XX: it answered 500"
    assert job.steps[0].status is StepStatus.COMPLETED
    assert types(journal)[-2:] == ["STEP_PARKED", "JOB_DEAD_LETTERED"]
    history.retried("pay.compensate")
    history.completed(history.scheduled("pay.compensate", 2))
    job, _ = history.fold()
    assert (job.status, job.steps[0].status) == (JobStatus.RUNNING, StepStatus.COMPENSATED)


def test_a_compensation_given_up_leaves_its_step_completed_with_the_error() -> None:
    history = discarded()
    history.failed(history.scheduled("pay.compensate")).parked("pay.compensate")
    given_up = Note(
        kind=JournalType.STEP_COMPENSATION_FAILED, step="pay.compensate", round=1, actor="key:ops", error=failed_error()
    )
    job, journal = history.noted(given_up).fold()
    step = job.steps[0]
    assert (step.status, step.error) == (StepStatus.COMPLETED, failed_error())
    assert step.compensation is not None
    assert (step.compensation.status, journal[-1].actor) == (StepStatus.FAILED, "key:ops")
    assert ended(history).status_reason == (
        "the dead letter was discarded: step bad failed: STEP.HTTP.5XX: it answered 500 (1 compensation failed)"
    )


def test_a_compensation_skipped_by_a_person_undoes_nothing() -> None:
    history = discarded()
    history.failed(history.scheduled("pay.compensate")).parked("pay.compensate")
    history.noted(Note(kind=JournalType.STEP_OVERRIDDEN, step="pay.compensate", round=1, actor="key:ops"))
    step = history.fold()[0].steps[0]
    assert (step.status, step.compensation and step.compensation.status) == (StepStatus.COMPLETED, StepStatus.SKIPPED)


def test_a_fan_out_is_compensated_with_the_last_of_its_completed_items() -> None:
    history = History({**PAY, "for_each": {"items": [1, 2, 3]}}, "bad").begun()
    history.noted(Note(kind=JournalType.STEP_STARTED, step="pay", round=1, data={"items": 3}))
    for index in range(3):
        history.ran(f"pay.{index}", output=index)
    history.noted(Note(kind=JournalType.STEP_COMPLETED, step="pay", round=1))
    statuses = []
    for index in (2, 1, 0):
        history.completed(history.scheduled(f"pay.{index}.compensate"))
        statuses.append(history.fold()[0].steps[0].status.value)
    assert statuses == ["COMPLETED", "COMPLETED", "COMPENSATED"]
    job, journal = history.fold()
    assert job.steps[0].items is not None
    assert job.steps[0].items.counts == {StepStatus.COMPENSATED: 3}
    assert job.steps[0].compensation is not None
    assert job.steps[0].compensation.status is StepStatus.COMPLETED
    assert (journal[-1].data["item"], journal[-1].data["compensation"]) == (0, True)


def test_what_waited_is_over_once_compensations_begin_although_nothing_says_so() -> None:
    history = History({**PAY, "depends_on": []}, {"id": "ask", "type": "APPROVAL", "depends_on": []}).begun().ran("pay")
    history.noted(Note(kind=JournalType.STEP_WAITING, step="ask", round=1, data={"kind": "APPROVAL"}))
    history.add("WORKFLOW_EXECUTION_CANCEL_REQUESTED", identity="me")
    history.task().scheduled("pay.compensate")
    job, _ = history.fold()
    assert (job.steps[1].status, job.steps[1].waiting_for) == (StepStatus.CANCELED, None)
    assert job.status_reason == "cancel requested by me; compensating step pay"


def test_a_terminate_while_a_compensation_is_parked_closes_it() -> None:
    history = discarded()
    history.failed(history.scheduled("pay.compensate")).parked("pay.compensate")
    history.add("WORKFLOW_EXECUTION_TERMINATED", identity="me")
    job, _ = history.fold()
    assert job.steps[0].compensation is not None
    assert (job.status, job.steps[0].compensation.status, job.error_step) == (
        JobStatus.TERMINATED, StepStatus.CANCELED, "pay",
    )  # fmt: skip
