"""The `Job` workflow: its run method and its handlers, nothing more; the worker registers it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, CancelledError

from perdure.contract.command import CancelCommand, CommandAccepted
from perdure.contract.execution import JobResult
from perdure.contract.journal import JournalType
from perdure.contract.name import ACTIVITY_REQUEST_CANCEL, JOB_WORKFLOW, QUERY_STATE
from perdure.contract.state import JobStatus
from workflows.job import command
from workflows.job.command import RefusedError
from workflows.job.execution import Execution
from workflows.job.opening import NO_INPUT, InvalidStartError, read_start
from workflows.job.result import close


@workflow.defn(name=JOB_WORKFLOW)
class Job:
    """One job. All input is raw and parsed here, so that nothing from outside can fail a workflow task."""

    @workflow.init
    def __init__(self, start: RawValue = NO_INPUT) -> None:
        self._invalid: str | None = None
        self._execution: Execution | None = None
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
        await workflow.wait_condition(workflow.all_handlers_finished)
        result = close(self._execution.job, ending)
        self._execution.notes.flush()
        if result.status is JobStatus.COMPLETED:
            return result
        if result.status is JobStatus.CANCELED:
            raise CancelledError("the job was canceled")
        assert result.error is not None  # noqa: S101  every other ending has one
        raise ApplicationError(result.error.message, result, type=result.error.code, non_retryable=True)

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Takes `retry`; notes everything else as refused."""
        if self._execution is None:
            return
        try:
            command.take(self._execution, command.parse_signal(name, args), via="signal")
        except RefusedError as refused:
            self._execution.notes.add(
                JournalType.JOB_COMMAND_REFUSED, name=name[:100], via="signal", problem=refused.message
            )

    @workflow.update(dynamic=True)
    async def on_update(self, name: str, args: Sequence[RawValue]) -> CommandAccepted:
        """Takes `retry` and `cancel`; answers which steps it concerned."""
        execution = self._require()
        parsed = command.parse_update(name, args)
        first = not execution.stop_requested
        accepted = command.take(execution, parsed, via="update")
        if isinstance(parsed, CancelCommand) and first:
            await workflow.execute_activity(
                ACTIVITY_REQUEST_CANCEL,
                parsed,
                activity_id="perdure:cancel",
                start_to_close_timeout=timedelta(seconds=30),
                summary="perdure:cancel",
            )
        return accepted

    @on_update.validator
    def check_update(self, name: str, args: Sequence[RawValue]) -> None:
        """Refuses an update before it leaves a trace in the history."""
        command.check(self._require(), command.parse_update(name, args))

    @workflow.query(name=QUERY_STATE)
    def state(self) -> dict[str, Any]:
        """Where the job stands by its own account: status and round of each step."""
        if self._execution is None:
            return {"invalid": self._invalid, "steps": {}}
        steps = self._execution.job.steps.values()
        return {"steps": {step.id: {"status": str(step.status), "round": step.round} for step in steps}}

    def _require(self) -> Execution:
        if self._execution is None:
            raise RefusedError("ENGINE.SPEC_INVALID", "this workflow was not started with a job")
        return self._execution
