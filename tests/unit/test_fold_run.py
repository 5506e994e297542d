"""The fold of jobs over several runs: resets, and runs that continue another."""

from datetime import timedelta

from perdure.contract.execution import JobState, StepState
from perdure.contract.state import JobStatus, StepStatus
from perdure.projection import fold
from tests.unit.fold_event import JOB_ID, RUN_ID, START, TICK, History, types
from tests.unit.test_fold_execution import carried


def reset(history: History, base: str = "run-0") -> History:
    history.add(
        "WORKFLOW_TASK_FAILED",
        cause="RESET_WORKFLOW",
        message="root: again",
        identity="history-service",
        base_run_id=base,
        new_run_id=history.run_id,
    )
    return history


def test_a_reset_run_takes_the_copied_prefix_into_its_state_but_not_its_journal() -> None:
    history = History("a", "b").begun(original_run_id="run-0").ran("a", output=1)
    reset_at = START + (len(history.events) + 1) * TICK
    job, journal = reset(history).task().fold()
    assert job.steps[0].status is StepStatus.COMPLETED
    assert job.steps[0].output == 1
    assert types(journal) == ["JOB_RESET"]
    assert journal[0].data == {"base_run_id": "run-0", "reason": "root: again"}
    assert (job.run_started_at, journal[0].run_started_at) == (reset_at, reset_at)
    assert job.created_at == START + TICK


def test_a_reset_to_the_first_task_does_not_start_the_job_twice() -> None:
    history = History("a").submitted(original_run_id="run-0")
    history.add("WORKFLOW_TASK_STARTED")
    job, journal = reset(history).task().ran("a").fold()
    assert types(journal) == ["JOB_RESET", "STEP_SCHEDULED", "STEP_STARTED", "STEP_COMPLETED"]
    assert job.started_at == START + 3 * TICK


def test_a_reset_of_a_reset_is_told_once_and_only_by_the_run_it_made() -> None:
    history = History("a", run_id="run-2").begun(original_run_id="run-0")
    history.add("WORKFLOW_TASK_FAILED", cause="RESET_WORKFLOW", base_run_id="run-0", new_run_id="run-1")
    history.task()
    assert history.fold()[1] == []
    _, journal = reset(history, "run-1").fold()
    assert [(row.type, row.data["base_run_id"]) for row in journal] == [("JOB_RESET", "run-1")]


def test_what_wedged_the_base_run_is_no_problem_of_the_reset_run() -> None:
    history = History("a").begun(original_run_id="run-0")
    history.add("WORKFLOW_TASK_FAILED", cause="NON_DETERMINISTIC_ERROR", message="no match")
    assert reset(history).fold()[0].status_reason == "deciding what is next"


def test_a_step_open_at_the_reset_closes_in_the_new_run() -> None:
    history = History("a").begun(original_run_id="run-0")
    scheduled = history.scheduled("a")
    reset(history).completed(scheduled, output=5)
    job, journal = history.fold()
    assert types(journal) == ["JOB_RESET", "STEP_STARTED", "STEP_COMPLETED"]
    assert job.steps[0].output == 5


def test_a_run_that_continues_another_goes_on_from_what_it_took_over() -> None:
    done = StepState(status=StepStatus.COMPLETED, output={"x": 1}, attempts=3, completed_at=START.isoformat())
    history = History("a", "b", run_id="run-2").submitted(carried(a=done), continued_from="run-1")
    job, journal = history.fold()
    assert (job.status, job.note_count, job.attempts, job.retry_count) == (JobStatus.RUNNING, 7, 3, 2)
    assert (job.steps[0].status, job.steps[0].output) == (StepStatus.COMPLETED, {"x": 1})
    assert (job.created_at, job.started_at) == (START - timedelta(seconds=2), START)
    assert job.queue_wait_ms == 2000
    assert journal == []
    assert types(history.task().ran("b").fold()[1])[0] == "STEP_SCHEDULED"


def test_a_run_that_was_not_told_the_submission_does_not_make_up_a_queue_wait() -> None:
    state = JobState(steps={}, started_at=START.isoformat())
    job, _ = History("a", run_id="run-2").submitted(state, continued_from="run-1").fold()
    assert (job.created_at, job.queue_wait_ms) == (START + TICK, None)


def test_attempts_of_a_round_to_come_are_no_retries() -> None:
    waiting = StepState(status=StepStatus.PENDING, round=2, attempts=4)
    history = History("a", run_id="run-2").begun(carried=carried(a=waiting), continued_from="run-1")
    assert history.fold()[0].retry_count == 3
    history.failed(history.scheduled("a", 2), 2)
    job, _ = history.fold()
    assert (job.attempts, job.retry_count, job.steps[0].attempt_count) == (6, 4, 6)


def test_continuing_as_new_ends_the_run_but_not_the_job() -> None:
    history = History("a").begun()
    history.add("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", new_run_id="run-2")
    state, journal = fold.fold_run(JOB_ID, RUN_ID, history.events)
    assert (state.ended, state.continued_to) == (True, "run-2")
    assert fold.record(state).completed_at is None
    assert (journal[-1].type, journal[-1].data) == ("JOB_CONTINUED", {"new_run_id": "run-2"})
