"""Interprets a planned job: starts what is ready, settles what ended, and finds how the job ends."""

import asyncio
import contextlib
from collections import deque

from temporalio import workflow

from perdure.contract import graph
from perdure.contract.error import ErrorClass, error_info
from perdure.contract.execution import JobStart, JobState
from perdure.contract.journal import JournalType
from perdure.contract.state import MET_STEP_STATUSES, StepStatus
from workflows.job.children import Children
from workflows.job.ending import Ending, EndingKind
from workflows.job.note import NoteWriter
from workflows.job.outcome import Canceled, Completed, Failed, Outcome, Skipped
from workflows.job.parking import Parking
from workflows.job.running_time import RunningTime
from workflows.job.state import JobRun, StepRun
from workflows.job.step_run import run_round


class Execution:
    """One run of one job. The main coroutine waits on conditions only; every step is a task of its own."""

    def __init__(self, job_id: str, start: JobStart) -> None:
        carried = start.carried
        self.job = JobRun(job_id, start)
        self.notes = NoteWriter(carried.notes if carried else 0)
        self.children = Children(self.job, self.notes, self._wake)
        self.parking = Parking(self.job, self.notes, self._wake, carried)
        self.closing = False
        self.stop_requested = False
        self._started_at = carried.started_at if carried else workflow.now().isoformat()
        self._submitted_at = (carried and carried.submitted_at) or workflow.info().workflow_start_time.isoformat()
        self._time = RunningTime(start.spec.timeout, carried.used_ms if carried else 0, self._wake)
        self._waits_for = graph.dependencies(start.spec.steps)
        self._dependents = graph.dependents(self._waits_for)
        self._unmet = {step: self._count_unmet(step) for step in self._waits_for}
        self._ready = deque(step for step in self.job.steps.values() if self._can_start(step))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._continuing = False
        self._moved = False
        self._crash: BaseException | None = None

    async def run(self) -> Ending:
        """Work until the job ends, or raise to continue as new. Returns how it ends, everything stopped."""
        self.parking.restore()
        ending = await self._work()
        self.closing = True
        self._time.stop()
        self.parking.close(expired=ending.kind is EndingKind.EXPIRED)
        self._cancel_tasks()
        await self._settled()
        self._close_open_steps(ending)
        self.children.after_end(ending)
        await self._settled()
        return ending

    async def _work(self) -> Ending:
        while True:
            ending = self._ending()
            if ending is not None:
                return ending
            self._time.tick(running=not self.parking.parked)
            if self.stop_requested:
                self._cancel_tasks()
            elif self._draining():
                await self._continue_when_idle()
            else:
                self._start_ready()
            self._moved = False
            try:
                await workflow.wait_condition(lambda: self._moved)
            except asyncio.CancelledError:
                return Ending(EndingKind.CANCELED)

    def _ending(self) -> Ending | None:
        self._raise_crash()
        if workflow.cancellation_reason() is not None:
            return Ending(EndingKind.CANCELED)
        if self.stop_requested:
            return None
        steps = self.job.steps.values()
        failed = next((step for step in steps if step.status is StepStatus.FAILED), None)
        if failed is not None:
            return Ending(EndingKind.FAILED, failed.error, failed.id)
        if self.parking.expired:
            first = self.parking.parked[0]
            return Ending(EndingKind.EXPIRED, first.error, first.id)
        if self._time.passed:
            message = f"the job ran longer than its timeout of {self.job.spec.timeout}"
            error = error_info("ENGINE.JOB_TIMEOUT", ErrorClass.TIMEOUT, message, job_type=self.job.spec.type)
            return Ending(EndingKind.TIMED_OUT, error)
        return Ending(EndingKind.COMPLETED) if all(step.status.final for step in steps) else None

    # --- starting and settling steps ---

    def _count_unmet(self, step_id: str) -> int:
        waits = self._waits_for[step_id]
        return sum(self.job.steps[other].status not in MET_STEP_STATUSES for other in waits)

    def _can_start(self, step: StepRun) -> bool:
        return self._unmet[step.id] == 0 and step.status in (StepStatus.PENDING, StepStatus.WAITING)

    def _start_ready(self) -> None:
        while self._ready and len(self._tasks) < self.job.limits.in_flight:
            step = self._ready.popleft()
            if step.status is StepStatus.PENDING:
                step.status = StepStatus.RUNNING
                step.started_at = step.started_at or workflow.now().isoformat()
            self._tasks[step.id] = asyncio.create_task(self._run_step(step))

    async def _run_step(self, step: StepRun) -> None:
        try:
            outcome = await run_round(self.job, step)
        except asyncio.CancelledError:
            outcome = Canceled()
        except Exception as crash:  # noqa: BLE001  raised again by the main coroutine: the task must not vanish
            self._crash = crash
            self._wake()
            return
        del self._tasks[step.id]
        if not self._continuing:
            self._settle(step, outcome)
        self._wake()

    def _settle(self, step: StepRun, outcome: Outcome) -> None:
        if isinstance(outcome, Completed) and not self.job.keep(step, outcome.output):
            outcome = self.parking.state_too_large(step, outcome.attempts)
        match outcome:
            case Completed(attempts=attempts):
                step.attempts += attempts
                self._finish(step, StepStatus.COMPLETED)
            case Skipped(reason=reason):
                self.notes.add(JournalType.STEP_SKIPPED, step=step.id, round_=step.round, reason=reason)
                self._finish(step, StepStatus.SKIPPED)
            case Failed(error=error, attempts=attempts):
                step.attempts += attempts
                step.error = error
                self._fail(step)
            case Canceled(attempts=attempts):
                step.attempts += attempts
                self._finish(step, StepStatus.CANCELED)

    def _finish(self, step: StepRun, status: StepStatus) -> None:
        step.status = status
        step.completed_at = workflow.now().isoformat()
        if status not in MET_STEP_STATUSES:
            return
        step.error = None
        for other in self._dependents[step.id]:
            self._unmet[other] -= 1
            if self._can_start(self.job.steps[other]):
                self._ready.append(self.job.steps[other])

    def _fail(self, step: StepRun) -> None:
        if self.job.spec.dead_letter.enabled and not self.closing:
            if self.parking.park(step):
                self.children.after_park(self.parking.parks)
            return
        self.notes.add(JournalType.STEP_FAILED, step=step.id, round_=step.round, error=step.error)
        self._finish(step, StepStatus.FAILED)

    def retry(self, steps: list[StepRun]) -> None:
        """Put parked steps back to run another round."""
        for step in steps:
            step.status = StepStatus.PENDING
            step.round += 1
            step.started_at = step.completed_at = step.wake_at = None
        self._ready.extend(steps)
        self._wake()

    # --- ending and continuing ---

    def request_stop(self) -> None:
        """Start nothing more and stop what runs: a cancel was accepted and is on its way."""
        self.stop_requested = True
        self._wake()

    def _wake(self) -> None:
        self._moved = True

    def _cancel_tasks(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    async def _settled(self) -> None:
        """Wait until no step runs and every child's start is confirmed; a cancel meanwhile changes nothing."""
        while self._tasks or not self.children.idle:
            self._raise_crash()
            self._moved = False
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait_condition(lambda: self._moved)
        self._raise_crash()

    def _raise_crash(self) -> None:
        crash = self._crash or self.children.crash
        if crash is not None:
            raise crash

    def _close_open_steps(self, ending: Ending) -> None:
        for step in self.job.steps.values():
            if step.status is StepStatus.DEAD_LETTERED:
                self._finish(step, ending.parked_become)
                self.notes.add(ending.parked_note, step=step.id, round_=step.round, error=step.error)
            elif step.status is StepStatus.PENDING:
                self._finish(step, StepStatus.OMITTED)
                self.notes.add(JournalType.STEP_OMITTED, step=step.id, reason=ending.reason)

    def _draining(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    async def _continue_when_idle(self) -> None:
        """Continue as new once only sleeping steps are open: an activity in flight would run twice."""
        sleeping = all(self.job.steps[step].status is StepStatus.WAITING for step in self._tasks)
        if not (sleeping and self.children.idle and workflow.all_handlers_finished()):
            return
        self._continuing = True
        self._time.stop()
        self.parking.stop()
        self._cancel_tasks()
        await self._settled()
        self.notes.flush()
        workflow.continue_as_new(self.job.start.model_copy(update={"carried": self._carry()}))

    def _carry(self) -> JobState:
        return JobState(
            steps={step.id: step.carry() for step in self.job.steps.values()},
            notes=self.notes.written,
            started_at=self._started_at,
            submitted_at=self._submitted_at,
            parked_at=self.parking.since,
            parks=self.parking.parks,
            used_ms=self._time.used_ms,
        )
