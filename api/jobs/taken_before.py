"""A decision that its workflow took when the same key brought it before; called by `decision` before it refuses one.

The same decision under the same key is one, whatever happened in between (decision 0017): a client that lost the
answer gets it, also once the job has gone on or ended.
"""

from contextlib import suppress

from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from api.jobs.current import Current
from api.state import Services
from api.temporal_call import temporal_call
from perdure.contract.command import CommandAccepted


async def taken_before(found: Services, now: Current, update_id: str) -> CommandAccepted | None:
    """What the current run answered this update with; None where it has not taken it.

    Raises:
        TemporalUnavailableError: nobody knows now.
    """
    run = found.temporal.get_workflow_handle(now.job.id, run_id=now.job.run_id)
    handle = run.get_update_handle(update_id, result_type=CommandAccepted)
    with suppress(WorkflowUpdateRPCTimeoutOrCancelledError):
        try:
            async with temporal_call():
                accepted: CommandAccepted = await handle.result()
                return accepted
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    return None
