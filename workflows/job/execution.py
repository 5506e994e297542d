"""One run of one job: works until it ends, undoes what has to be undone, and continues as new between steps."""

import contextlib
from asyncio import CancelledError

from temporalio import workflow

from perdure.contract.error import ErrorInfo  # noqa: TC001  one place for imports
from perdure.contract.execution import Canceler, JobStart, JobState, PauseState
from perdure.contract.journal import JournalType
from perdure.contract.limit import MAX_PAYLOAD_BYTES
from perdure.contract.state import StepStatus
from workflows.job.carrying import carry_step, keep_outputs, restore_steps
from workflows.job.compensation import Compensations
from workflows.job.dependents import Dependents
from workflows.job.drain import Drain
from workflows.job.ending import Ending, EndingKind
from workflows.job.failing import discarded, out_of_time, too_large, with_error_of
from workflows.job.parking import Parking
from workflows.job.result import all_done
from workflows.job.running_time import RunningTime
from workflows.job.scheduler import Scheduler
from workflows.job.start_time import StartTime
from workflows.job.state import JobRun
from workflows.job.status_attribute import Need
from workflows.job.unit import StepRun, Unit
from workflows.job.waits import Waits

WAITS_PATCH = "waits-end-with-the-job"
KEPT_PATCH = "kept-outputs-fit-or-fail"
_UNFIT = "the spec and the outputs taken over are more than the job may hold; take over less"
_OVERFULL = "what the job would hand over to its next run is larger than Temporal takes; keep less in it"


class Execution:
    """The main coroutine waits on conditions only; every unit is a task of its own."""

    def __init__(self, job_id: str, start: JobStart) -> None:
        carried = start.carried
        self.job = JobRun(job_id, start)
        self._kept_all = True
        """Whether the outputs taken over from another job fit."""
        if carried is None:
            self._kept_all = keep_outputs(self.job, start.kept)
        else:
            restore_steps(self.job, carried)
            self.job.completed = list(carried.completed)
            self.job.paused, self.job.paused_by = carried.paused, carried.paused_by
            if carried.paused:
                self.job.attribute.restore(Need.PAUSED)
        self.ending = Ending.restore(carried.ending) if carried else None
        """How the job ends, from the moment that is known."""
        self.stop_requested = False
        self._canceler: Canceler | None = None
        self.discarded = False
        self.dependents = Dependents(self.job, self._wake)
        self.parking = Parking(self.job, self._wake, carried)
        self.waits = Waits(self.job, carried)
        self.scheduler = Scheduler(self.job, self.parking, self.dependents, self.waits, self._wake)
        self.compensations = Compensations(self.job, self.scheduler, self.parking)
        submitted_at = (carried and carried.submitted_at) or workflow.info().workflow_start_time.isoformat()
        self._submitted_at = submitted_at
        self._start_time = StartTime(start.spec, submitted_at, carried.started_at if carried else None, self._wake)
        self._time = RunningTime(start.spec.timeout, carried.used_ms if carried else 0, self._wake)
        self._drain = Drain(self._wake)
        self._moved = False
        self._overfull = False

    async def run(self) -> Ending:
        """Work until the job ends, or raise to continue as new. Returns how it ends, everything stopped."""
        self.parking.watch()
        ending = self.ending
        if ending is None:
            self._start_time.watch()
            ending = await self._work()
            await self._close(ending)
        else:
            self.scheduler.close()
        if not ending.completed:
            await self._compensate()
        self._drain.stop()
        self.dependents.after_end(ending)
        await self._settled()
        return ending

    # --- working ---

    async def _work(self) -> Ending:
        while True:
            ending = self._find_ending()
            if ending is not None:
                return ending
            held = self.job.paused or self.parking.any or not self._start_time.due
            self._time.tick(running=not held)
            self._moved = False
            if self.stop_requested:
                self.scheduler.cancel()
            elif self._drain.wanted():
                await self._continue_when_idle()
            elif self._start_time.due and not self.job.paused:
                self.scheduler.start_ready()
            try:
                await workflow.wait_condition(lambda: self._moved)
            except CancelledError:
                return self._canceled()

    def _find_ending(self) -> Ending | None:
        self._raise_crash()
        if workflow.cancellation_reason() is not None:
            return self._canceled()
        if self.stop_requested:
            return None
        return self._failing() or (all_done(self.job) if self.scheduler.done else None)

    def _canceled(self) -> Ending:
        by = self._canceler or Canceler(reason=workflow.cancellation_reason() or None)
        return Ending(EndingKind.CANCELED, canceled_by=by)

    def _failing(self) -> Ending | None:
        if not self._kept_all and workflow.patched(KEPT_PATCH):
            return too_large(self.job, _UNFIT)
        if self.discarded:
            return with_error_of(EndingKind.DISCARDED, self.parking.first) if self.parking.any else discarded(self.job)
        if self.scheduler.failed is not None:
            return with_error_of(EndingKind.FAILED, self.scheduler.failed)
        if self.parking.expired:
            return with_error_of(EndingKind.EXPIRED, self.parking.first)
        if self._time.passed:
            return out_of_time(self.job)
        return too_large(self.job, _OVERFULL) if self._overfull else None

    def wake(self) -> None:
        """Look again: a command changed something."""
        self._wake()

    def request_stop(self, by: Canceler) -> None:
        """Start nothing more and stop what runs: a cancel was accepted and is on its way."""
        self.stop_requested = True
        self._canceler = self._canceler or by
        self._wake()

    def set_paused(self, *, paused: bool, by: PauseState | None = None) -> None:
        """Start no further unit, or go on."""
        self.job.paused, self.job.paused_by = paused, by
        self.job.attribute.set(Need.PAUSED, holds=paused)
        self._wake()

    def _wake(self) -> None:
        self._moved = True

    # --- ending ---

    async def _close(self, ending: Ending) -> None:
        self.ending = ending
        self.scheduler.closing = True
        await self._take_what_ended()
        self._time.stop()
        self._start_time.stop()
        parked = self.parking.parked
        self.parking.close(expired=ending.kind is EndingKind.EXPIRED)
        if self.job.paused:
            self.set_paused(paused=False)
        self.scheduler.close()
        await self._settled()
        if self.job.attribute.holds(Need.WAITING) and workflow.patched(WAITS_PATCH):
            self.job.attribute.set(Need.WAITING, holds=False)
        self._close_open_steps(ending, parked)

    def _close_open_steps(self, ending: Ending, parked: list[Unit]) -> None:
        for unit in parked:
            unit.status = ending.parked_become
        for step in self.job.steps.values():
            if step.status is StepStatus.PENDING:
                self.scheduler.finish(step, StepStatus.OMITTED)
                self.job.notes.add(JournalType.STEP_OMITTED, step=step.name, reason=ending.reason)
            elif step in parked or not step.status.final:
                self._close_step(step, ending, next((unit for unit in parked if unit.id.step == step.name), None))

    def _close_step(self, step: StepRun, ending: Ending, parked: Unit | None) -> None:
        """A parked step, or a fan-out of which some items had not ended: they end as it does."""
        for item in step.fan_out.items if step.fan_out else ():
            if not item.status.final:
                item.status = StepStatus.CANCELED
        if step is self.scheduler.failed:
            kind, status, error = JournalType.STEP_FAILED, StepStatus.FAILED, step.error
        elif parked:
            kind, status, error = ending.parked_note, ending.parked_become, parked.error
        else:
            kind, status, error = JournalType.STEP_CANCELED, StepStatus.CANCELED, None
        self.scheduler.finish(step, status)
        step.error = error
        self.job.notes.add(kind, step=step.name, round_=step.round, error=error)

    async def _compensate(self) -> None:
        while self.compensations.advance():
            self._raise_crash()
            if self.parking.expired:
                self.parking.expired = False
                self.compensations.give_up(reason="the dead letter's retention ended")
                continue
            self._moved = False
            if self._drain.wanted():
                await self._continue_when_idle()
            else:
                self.scheduler.start_ready()
            with contextlib.suppress(CancelledError):
                await workflow.wait_condition(lambda: self._moved)
        self.parking.close(expired=False)

    async def _take_what_ended(self) -> None:
        """Settle what ended in this workflow task: stopped now, its result, and that it took effect, would be lost."""
        with contextlib.suppress(CancelledError):
            await workflow.wait_condition(lambda: True)

    async def _settled(self) -> None:
        """Wait until no unit runs and every child's start is confirmed; a cancel meanwhile changes nothing."""
        while not (self.scheduler.idle and self.dependents.idle):
            self._raise_crash()
            self._moved = False
            with contextlib.suppress(CancelledError):
                await workflow.wait_condition(lambda: self._moved)
        self._raise_crash()

    def _raise_crash(self) -> None:
        crash = self.scheduler.crash or self.dependents.crash
        if crash is not None:
            raise crash

    # --- continuing ---

    async def _continue_when_idle(self) -> None:
        """Continue as new once only waiting units are open: an activity in flight would run twice."""
        await self._take_what_ended()
        if self.scheduler.running or not self.dependents.idle or not workflow.all_handlers_finished():
            return
        if self.scheduler.waking or self._start_time.passing:
            return
        start = self.job.start.model_copy(update={"carried": self._carry(), "kept": {}})
        size = len(start.model_dump_json(by_alias=True).encode())
        if self.job.limits.sent_bytes(size) > MAX_PAYLOAD_BYTES:
            self._cannot_continue()
            return
        self.scheduler.continuing = True
        self._time.stop()
        self._start_time.stop()
        self._drain.stop()
        self.parking.stop()
        self.scheduler.cancel()
        await self._settled()
        self.job.notes.flush()
        workflow.continue_as_new(self.job.start.model_copy(update={"carried": self._carry(), "kept": {}}))

    def _cannot_continue(self) -> None:
        # What is kept was counted as it came, so this is a last resort: Temporal would fail the task for ever.
        self._drain.never()
        if self.ending is None:
            self._overfull = True
        self._wake()

    def _carry(self) -> JobState:
        errors: dict[str, ErrorInfo] = {}
        return JobState(
            steps={step.name: carry_step(step, errors) for step in self.job.steps.values()},
            errors=errors,
            notes=self.job.notes.written,
            started_at=self._start_time.started_at,
            submitted_at=self._submitted_at,
            parked_at=self.parking.since,
            parks=self.parking.parks,
            used_ms=self._time.used_ms,
            paused=self.job.paused,
            paused_by=self.job.paused_by,
            completed=self.job.completed,
            deliveries=self.waits.early,
            ending=self.ending.carry() if self.ending else None,
        )
