"""Makes histories of any course, for the properties of the fold."""

from typing import Any

from hypothesis import strategies as st

from perdure.contract.execution import JobResult
from perdure.contract.journal import JournalType
from perdure.contract.note import Note
from perdure.contract.state import JobStatus
from tests.unit.fold_event import RUN_ID, History, application, failed_error, failures, timeout

IDLE, OPEN, ASLEEP, WAITS, FANNED, PARKED, OVER, GONE = range(8)
KINDS_BETWEEN = [
    "nothing", "task", "signal", "refused", "wedge", "unknown", "cancel", "JOB_PAUSED", "JOB_RESUMED",
]  # fmt: skip
KINDS = ("START_TO_CLOSE", "HEARTBEAT", "SCHEDULE_TO_CLOSE")


class Course:
    """Makes a valid history of some course: what may happen next follows from what each step is doing."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.names = [f"s{n}" for n in range(draw(st.integers(1, 4)))]
        self.history = History(*({"id": name, "type": "LOG", "depends_on": []} for name in self.names))
        self.state = dict.fromkeys(self.names, IDLE)
        self.open: dict[str, int] = {}
        self.round = dict.fromkeys(self.names, 1)
        self.copied = draw(st.booleans())
        self.history.begun(original_run_id="run-0" if self.copied else RUN_ID)

    def run(self) -> History:
        for _ in range(self.draw(st.integers(0, 25))):
            self.step(self.draw(st.sampled_from([*self.names])))
            self.between()
        if self.copied:
            self.reset()
        self.end()
        return self.history

    def step(self, name: str) -> None:
        moves = {
            IDLE: [self.schedule, self.sleep, self.wait, self.fan_out, self.skip, self.park],
            OPEN: [self.complete, self.fail, self.time_out, self.cancel],
            ASLEEP: [self.wake, self.stop_sleep],
            WAITS: [self.deliver, self.approve, self.park],
            FANNED: [self.close_items, self.close_items, self.park_whole],
            PARKED: [self.retry, self.override],
            OVER: [self.undo, self.begin_anew],
            GONE: [],
        }[self.state[name]]
        if moves:
            self.draw(st.sampled_from(moves))(name)

    def between(self) -> None:
        what = self.draw(st.sampled_from(KINDS_BETWEEN))
        if what == "task":
            self.history.task()
        elif what == "signal":
            self.history.add("WORKFLOW_EXECUTION_SIGNALED", name="retry", identity="me")
        elif what == "refused":
            self.history.noted(Note(kind=JournalType.JOB_COMMAND_REFUSED, data={"name": "x", "via": "signal"}))
        elif what == "wedge":
            self.history.add("WORKFLOW_TASK_FAILED", cause="NON_DETERMINISTIC_ERROR", message="no")
        elif what == "unknown":
            self.history.add("SOMETHING_NEW", data={"a": 1})
        elif what in ("JOB_PAUSED", "JOB_RESUMED"):
            self.history.noted(Note(kind=JournalType(what), actor="me"))
        elif what == "cancel":
            self.history.add("WORKFLOW_EXECUTION_CANCEL_REQUESTED", identity="me")

    def reset(self) -> None:
        self.history.add("WORKFLOW_TASK_FAILED", cause="RESET_WORKFLOW", base_run_id="run-0", new_run_id=RUN_ID)
        self.copied = False

    def schedule(self, name: str) -> None:
        self.open[name] = self.history.scheduled(name, self.round[name])
        self.state[name] = OPEN

    def sleep(self, name: str) -> None:
        self.open[name] = self.history.add("TIMER_STARTED", name, milliseconds=1000)
        self.state[name] = ASLEEP

    def skip(self, name: str) -> None:
        self.history.noted(Note(kind=JournalType.STEP_SKIPPED, step=name, round=self.round[name]))
        self.state[name] = OVER

    def park(self, name: str) -> None:
        self.history.parked(name, round_=self.round[name])
        self.state[name] = PARKED

    def complete(self, name: str) -> None:
        self.history.completed(self.open[name], {"by": name}, self.draw(st.integers(0, 30)))
        self.state[name] = OVER

    def fail(self, name: str) -> None:
        self.history.failed(self.open[name], self.draw(st.integers(1, 30)))
        self.park(name)

    def time_out(self, name: str) -> None:
        before = self.draw(st.integers(0, 4))
        if self.draw(st.booleans()):
            self.history.attempt(self.open[name], before + 1, application() if before else None)
        told = failures(before) if self.draw(st.booleans()) else None
        failure = timeout(self.draw(st.sampled_from(KINDS)), told)
        self.history.add("ACTIVITY_TASK_TIMED_OUT", scheduled_event_id=self.open[name], failure=failure)
        self.park(name)

    def cancel(self, name: str) -> None:
        self.history.add("ACTIVITY_TASK_CANCELED", scheduled_event_id=self.open[name])
        self.state[name] = OVER

    def wake(self, name: str) -> None:
        self.history.add("TIMER_FIRED", started_event_id=self.open[name])
        self.state[name] = OVER

    def stop_sleep(self, name: str) -> None:
        self.history.add("TIMER_CANCELED", started_event_id=self.open[name])
        self.state[name] = OVER

    def retry(self, name: str) -> None:
        self.round[name] += 1
        self.history.retried(name, round_=self.round[name])
        self.state[name] = IDLE

    # --- waits, fan-outs, compensations, steps that begin anew ---

    def note(self, kind: JournalType, name: str, /, **data: Any) -> None:
        self.history.noted(Note(kind=kind, step=name, round=self.round[name], data=data))

    def wait(self, name: str) -> None:
        self.note(JournalType.STEP_WAITING, name, kind=self.draw(st.sampled_from(["WAIT", "APPROVAL"])))
        self.state[name] = WAITS

    def deliver(self, name: str) -> None:
        self.note(JournalType.STEP_DELIVERED, name, name="x", payload=1)
        self.state[name] = OVER

    def approve(self, name: str) -> None:
        complete = self.draw(st.booleans())
        self.note(JournalType.STEP_DELIVERED, name, decision="approve", complete=complete, output=1)
        self.state[name] = OVER if complete else WAITS

    def fan_out(self, name: str) -> None:
        if "." in name:
            return
        count = self.draw(st.integers(0, 3))
        self.note(JournalType.STEP_STARTED, name, items=count)
        for item in (f"{name}.{index}" for index in range(count)):
            self.names += [item] if item not in self.state else []
            self.state[item], self.round[item] = IDLE, self.round[name]
        self.state[name] = FANNED

    def close_items(self, name: str) -> None:
        """The step ends once its items have, or stops them."""
        done = all(self.state[item] == OVER for item in self.items(name))
        self.note(JournalType.STEP_COMPLETED if done else JournalType.STEP_CANCELED, name)
        self.leave_items(name, OVER)

    def park_whole(self, name: str) -> None:
        self.leave_items(name, OVER)
        self.park(name)

    def leave_items(self, name: str, state: int) -> None:
        self.state |= dict.fromkeys(self.items(name), GONE)
        self.state[name] = state

    def items(self, name: str) -> list[str]:
        return [item for item in self.names if item.startswith(f"{name}.")]

    def override(self, name: str) -> None:
        self.note(JournalType.STEP_OVERRIDDEN, name, output=1)
        self.state[name] = OVER

    def undo(self, name: str) -> None:
        scheduled = self.history.scheduled(f"{name}.compensate")
        if self.draw(st.booleans()):
            self.history.completed(scheduled)
        else:
            self.history.failed(scheduled).parked(f"{name}.compensate")
        self.state[name] = GONE

    def begin_anew(self, name: str) -> None:
        if "." in name:
            return
        self.round[name] += 1
        data = {"rounds": {name: self.round[name]}, "reset": [name], "from_step": name}
        self.history.noted(Note(kind=JournalType.JOB_RETRY_REQUESTED, data=data))
        self.leave_items(name, IDLE)

    def end(self) -> None:
        how = self.draw(st.sampled_from(["open", "completed", "failed", "canceled", "TERMINATED", "TIMED_OUT", "more"]))
        if how == "completed":
            self.history.closed(JobResult(status=JobStatus.COMPLETED, output=1))
        elif how == "failed":
            self.history.closed(JobResult(status=JobStatus.FAILED, error=failed_error(), error_step=self.names[0]))
        elif how == "canceled":
            self.history.add("WORKFLOW_EXECUTION_CANCELED")
        elif how == "more":
            self.history.add("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", new_run_id="run-2")
        elif how != "open":
            self.history.add(f"WORKFLOW_EXECUTION_{how}", identity="me", reason="x")


@st.composite
def courses(draw: Any) -> History:
    return Course(draw).run()
