"""One decision of a bulk action: what is sent to one job, and what became of it; used by the bulk activities."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.bulk import BulkItemStatus, BulkVerb
from perdure.contract.command import Command, CommandAccepted, DiscardCommand, RetryCommand, SkipCommand
from perdure.store.bulk_action import BulkActionRow, BulkItem

ANSWER = timedelta(seconds=20)
"""How long a job has for its answer; then it is asked again for the answer to the same update."""
_SHORT_ANSWER = timedelta(seconds=5)
_TRIES = 3
_NOBODY = 3
"""After so many jobs in a row that no worker answered for, the next ones are asked once, and not for long."""
_AGAIN_SECONDS = 2.0
_DETAIL = 500
_SHORTLY = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.FAILED_PRECONDITION)
"""What Temporal says of one job that cannot take an update now: no worker, too many updates at once, a stuck task."""
_AWAY = (
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
)
"""What is no job's fault: the page is sent again, once Temporal is back."""
_Outcome = tuple[BulkItemStatus, str | None, str | None]


class Decisions:
    """Sends decisions to jobs; one a worker process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._unanswered = 0

    async def send(self, action: BulkActionRow, item: BulkItem) -> BulkItem:
        """The item with what became of it. Sent again, also by another process, it is the same decision.

        Raises:
            RPCError: Temporal is away, or refuses the worker; nothing is known of the item.
        """
        status, code, detail = await self._outcome(action, item)
        self._unanswered = self._unanswered + 1 if status is BulkItemStatus.UNANSWERED else 0
        now = datetime.now(UTC)
        return replace(item, status=status, code=code, detail=detail and detail[:_DETAIL], decided_at=now)

    async def _outcome(self, action: BulkActionRow, item: BulkItem) -> _Outcome:
        patient = self._unanswered < _NOBODY
        why = ""
        for left in reversed(range(_TRIES if patient else 1)):
            try:
                return await self._asked(action, item, ANSWER if patient else _SHORT_ANSWER)
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                continue
            except RPCError as error:
                if error.status in _AWAY:
                    raise
                if error.status not in _SHORTLY:
                    return BulkItemStatus.REFUSED, "API.CONFLICT", f"Temporal refuses it: {error.message}"
                if error.status is not RPCStatusCode.DEADLINE_EXCEEDED:
                    why = f" (Temporal says: {error.message})"
                    await asyncio.sleep(_AGAIN_SECONDS if left else 0)
        text = f"no worker took the decision in time{why}; it may still take effect"
        return BulkItemStatus.UNANSWERED, "API.DECISION_TIMEOUT", text

    async def _asked(self, action: BulkActionRow, item: BulkItem, within: timedelta) -> _Outcome:
        try:
            accepted: CommandAccepted = await self._client.get_workflow_handle(item.job_id).execute_update(
                action.action.value,
                command_of(action, item),
                id=f"bulk-{action.id}-{item.position}",
                result_type=CommandAccepted,
                rpc_timeout=within,
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            code = cause.type if isinstance(cause, ApplicationError) and cause.type else "API.CONFLICT"
            return BulkItemStatus.REFUSED, code, str(getattr(cause, "message", cause))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return BulkItemStatus.REFUSED, "API.JOB_CLOSED", "the job has ended"
        return BulkItemStatus.ACCEPTED, None, ", ".join(accepted.steps)


def command_of(action: BulkActionRow, item: BulkItem) -> Command:
    """What is decided about one job: the reason names the action, so that the job's journal leads to it."""
    who: dict[str, Any] = {"actor": action.requested_by, "reason": f"{action.reason} (bulk action {action.id})"}
    if action.action is BulkVerb.DISCARD:
        return DiscardCommand(**who)
    if action.action is BulkVerb.SKIP:
        return SkipCommand(**who, step=action.step, output=action.output)
    steps = None if item.units is None else list(item.units)
    return RetryCommand(**who, steps=steps, force=action.force)
