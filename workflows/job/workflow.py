"""The `Job` workflow: its run method and its handlers, nothing more; the worker registers it."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, CancelledError

from perdure.contract.command import (
    CancelCommand,
    CommandAccepted,
    GiveUpCommand,
    HoldInput,
    NextAttempt,
    PauseCommand,
    ResumeCommand,
    RetryNowCommand,
    SkipCommand,
)
from perdure.contract.execution import JobResult
from perdure.contract.journal import JournalType
from perdure.contract.name import (
    ACTIVITY_HOLD_STEPS,
    ACTIVITY_NEXT_ATTEMPT,
    ACTIVITY_REQUEST_CANCEL,
    IDENTITY_CANCELED_BEFORE,
    JOB_WORKFLOW,
    QUERY_STATE,
)
from perdure.contract.state import JobStatus
from workflows.job.command import RefusedError, parse_signal, parse_update
from workflows.job.decision import decide
from workflows.job.ending import EndingKind
from workflows.job.execution import Execution
from workflows.job.hurrying import next_attempt
from workflows.job.opening import NO_INPUT, InvalidStartError, read_start
from workflows.job.result import result_of
from workflows.job.skipping import check_skip

LET_GO_PATCH = "let-go-at-the-end"
CANCELED_BEFORE_PATCH = "canceled-in-an-earlier-run"


@workflow.defn(name=JOB_WORKFLOW)
class Job:
    """One job. All input is raw and parsed here, so that nothing from outside can fail a workflow task."""

    @workflow.init
    def __init__(self, start: RawValue = NO_INPUT) -> None:
        self._invalid: str | None = None
        self._execution: Execution | None = None
        self._holding = asyncio.Lock()
        self._hurried = 0
        """How often somebody decided about a next attempt: activity ids must differ."""
        self._held = False
        """Whether Temporal was asked to hold the job's open activities."""
        try:
            self._execution = Execution(workflow.info().workflow_id, read_start(start))
        except InvalidStartError as problem:
            self._invalid = str(problem)

    @workflow.run
    async def run(self, start: RawValue = NO_INPUT) -> JobResult:  # noqa: ARG002  read in __init__
        """Runs the job to its end; the result, or the details of the failure, are a `JobResult`."""
        if self._execution is None:
            raise ApplicationError(f"this is no job: {self._invalid}", type="ENGINE.SPEC_INVALID", non_retryable=True)
        ending = await self._execution.run()
        if ending.kind is EndingKind.CANCELED and workflow.cancellation_reason() is None:
            await self._be_canceled()
        while not workflow.all_handlers_finished():
            # A cancel that arrives now finds the job ended: how it ends is decided, and noted.
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait_condition(workflow.all_handlers_finished)
        self._execution.job.notes.flush()
        result = result_of(ending)
        if ending.completed:
            return result
        if result.status is JobStatus.CANCELED:
            raise CancelledError("the job was canceled")
        assert result.error is not None  # noqa: S101  every other ending has one
        raise ApplicationError(result.error.message, result, type=result.error.code, non_retryable=True)

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Takes the commands that are signals; notes everything else as refused."""
        if self._execution is None:
            return
        try:
            command = parse_signal(name, args)
            decision = decide(self._execution, command, via="signal")
            if isinstance(command, SkipCommand) and workflow.patched("skip-meets-the-schema"):
                check_skip(self._execution, command)
            decision.act()
        except RefusedError as refused:
            self._execution.job.notes.add(
                JournalType.JOB_COMMAND_REFUSED, name=name[:100], via="signal", problem=refused.message
            )
        # Whatever it was, the history grew: it may be time to continue as new.
        self._execution.wake()

    @workflow.update(dynamic=True)
    async def on_update(self, name: str, args: Sequence[RawValue]) -> CommandAccepted:
        """Takes every command; answers which units it concerned."""
        execution = self._require()
        command = parse_update(name, args)
        first = not execution.stop_requested
        decision = decide(execution, command, via="update")
        decision.act()
        execution.wake()
        if isinstance(command, CancelCommand) and first:
            await _ask_temporal(ACTIVITY_REQUEST_CANCEL, "perdure:cancel", command)
        elif isinstance(command, PauseCommand | ResumeCommand):
            await self._hold(execution)
        elif isinstance(command, RetryNowCommand | GiveUpCommand):
            wanted = next_attempt(execution, command, decision.units)
            if wanted.activities:
                self._hurried += 1
                await _ask_temporal(ACTIVITY_NEXT_ATTEMPT, f"perdure:next:{self._hurried}", wanted)
        return CommandAccepted(steps=decision.units)

    @on_update.validator
    def check_update(self, name: str, args: Sequence[RawValue]) -> None:
        """Refuses an update before it leaves a trace in the history."""
        command = parse_update(name, args)
        decide(self._require(), command, via="update")
        if isinstance(command, SkipCommand):
            check_skip(self._require(), command)

    async def _be_canceled(self) -> None:
        """An earlier run was canceled. Temporal ends a run as canceled only where this one was asked to as well."""
        if not workflow.patched(CANCELED_BEFORE_PATCH):
            return
        command = CancelCommand(actor=IDENTITY_CANCELED_BEFORE)
        asking = asyncio.create_task(_ask_temporal(ACTIVITY_REQUEST_CANCEL, "perdure:cancel", command))
        while workflow.cancellation_reason() is None or not asking.done():
            # The cancel that comes then is the one that was asked for.
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None and asking.done())

    async def _hold(self, execution: Execution) -> None:
        """Have Temporal stop, or go on, repeating what runs, as the job stands when it is this one's turn."""
        async with self._holding:
            hold = execution.job.paused
            if hold != self._held and (self._held or execution.scheduler.running):
                await self._ask_to_hold(hold=hold)
            # The job's ending is no command: what it undoes may have begun, and been held, meanwhile.
            ending = execution.ending is not None
            if ending and self._held and execution.scheduler.running and workflow.patched(LET_GO_PATCH):
                await self._ask_to_hold(hold=False)

    async def _ask_to_hold(self, *, hold: bool) -> None:
        await _ask_temporal(ACTIVITY_HOLD_STEPS, "perdure:hold", HoldInput(hold=hold))
        self._held = hold

    @workflow.query(name=QUERY_STATE)
    def state(self) -> dict[str, Any]:
        """Where the job stands by its own account: what is parked, and status and round of each step."""
        if self._execution is None:
            return {"invalid": self._invalid, "steps": {}}
        execution = self._execution
        return {
            "paused": execution.job.paused,
            "ending": str(execution.ending.status) if execution.ending else None,
            "parked": [unit.name for unit in execution.parking.parked],
            "steps": {
                step.name: {"status": str(step.status), "round": step.round} for step in execution.job.steps.values()
            },
        }

    def _require(self) -> Execution:
        if self._execution is None:
            raise RefusedError("ENGINE.SPEC_INVALID", "this workflow was not started with a job")
        return self._execution


async def _ask_temporal(activity: str, name: str, argument: CancelCommand | HoldInput | NextAttempt) -> None:
    await workflow.execute_activity(
        activity, argument, activity_id=name, start_to_close_timeout=timedelta(seconds=30), summary=name
    )
