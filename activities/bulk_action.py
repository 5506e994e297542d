"""The activities of the `BulkAction` workflow: send decisions, watch the canary, write how it ended.

Whatever they repeat after a crash is one decision: a job takes the update of an action and position once.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.bulk import (
    ACTIVITY_BULK_CANARY,
    ACTIVITY_BULK_FINISH,
    ACTIVITY_BULK_PAGE,
    BulkCanary,
    BulkFinish,
    BulkItemStatus,
    BulkPage,
    BulkProgress,
    BulkVerb,
    BulkVerdict,
)
from perdure.contract.command import Command, CommandAccepted, DiscardCommand, RetryCommand, SkipCommand
from perdure.contract.name import ATTRIBUTE_STATUS, QUERY_STATE
from perdure.contract.state import JobStatus
from perdure.store import bulk_action as store
from perdure.store.bulk_action import BulkActionRow, BulkItem
from perdure.store.session import transaction

_PAGE = 20
_AT_ONCE = 2
_REST = 2.0
"""How long a turn rests after a decision, in times of what that took: where workers are busy it takes long, and what
the job does afterwards comes on top; so fresh jobs get most of the workers however much is to be decided."""
_MOST_REST_SECONDS = 5.0
_PAGE_SECONDS = 5.0
"""What a page should take at most at the rate asked for, so that an abort is soon heard."""
_TRIES = 3
_ANSWER = timedelta(seconds=20)
"""How long a job has for its answer; then it is asked again for the answer to the same update."""
_LOOK_SECONDS = 1.0
_BEAT_SECONDS = 5.0
_DETAIL = 500


class BulkActivities:
    """What the worker registers on the queue of bulk actions."""

    def __init__(self, engine: AsyncEngine, client: Client) -> None:
        self._engine = engine
        self._client = client

    @property
    def all(self) -> list[Callable[..., Any]]:
        """The activities."""
        return [self.page, self.canary, self.finish]

    @activity.defn(name=ACTIVITY_BULK_PAGE)
    async def page(self, wanted: BulkPage) -> BulkProgress:
        """Send the next decisions and write what became of each; how many are left."""
        async with transaction(self._engine) as connection:
            await store.begin(connection, wanted.id, datetime.now(UTC))
            action = await self._action(connection, wanted.id)
            limit = page_size(action.rate_per_second)
            items = await store.list_items(
                connection, wanted.id, statuses=[BulkItemStatus.PENDING], before=wanted.before, limit=limit
            )
        done = await self._sent(action, items)
        async with transaction(self._engine) as connection:
            await store.decided(connection, wanted.id, done)
            return BulkProgress(left=await store.pending(connection, wanted.id, wanted.before))

    @activity.defn(name=ACTIVITY_BULK_CANARY)
    async def canary(self, wanted: BulkCanary) -> BulkVerdict:
        """Wait until the first jobs have ended, or are still well when the time is over; tell what is wrong."""
        async with transaction(self._engine) as connection:
            action = await self._action(connection, wanted.id)
            left = await store.list_items(connection, wanted.id, before=wanted.count, limit=wanted.count)
        deadline = datetime.fromisoformat(wanted.deadline)
        while left:
            activity.heartbeat()
            still = []
            for item in left:
                ended, problem = await self._looked(action, item)
                if problem is not None:
                    return BulkVerdict(problem=f"the canary stopped it: {problem}")
                if not ended:
                    still.append(item)
            left = still
            if not left or datetime.now(UTC) >= deadline:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return BulkVerdict()

    @activity.defn(name=ACTIVITY_BULK_FINISH)
    async def finish(self, wanted: BulkFinish) -> None:
        """Write how it ended."""
        async with transaction(self._engine) as connection:
            await store.finish(connection, wanted.id, wanted.status, wanted.problem, datetime.now(UTC))

    async def _action(self, connection: Any, action_id: str) -> BulkActionRow:
        action = await store.get_action(connection, action_id)
        if action is None:
            raise ApplicationError(f"there is no bulk action {action_id}", non_retryable=True)
        return action

    async def _sent(self, action: BulkActionRow, items: Sequence[BulkItem]) -> list[BulkItem]:
        turns = asyncio.Semaphore(_AT_ONCE)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        pause = 0.0 if action.rate_per_second is None else 1 / action.rate_per_second

        async def send(number: int, item: BulkItem) -> BulkItem:
            async with turns:
                await asyncio.sleep(max(0.0, begun + number * pause - loop.time()))
                asked = loop.time()
                done = await self._decided(action, item)
                await asyncio.sleep(min(_MOST_REST_SECONDS, _REST * (loop.time() - asked)))
                return done

        async def beat() -> None:
            while True:
                activity.heartbeat()
                await asyncio.sleep(_BEAT_SECONDS)

        beating = asyncio.create_task(beat())
        try:
            done = await asyncio.gather(*(send(number, item) for number, item in enumerate(items)))
            await asyncio.sleep(max(0.0, begun + len(items) * pause - loop.time()))
        finally:
            beating.cancel()
        return done

    async def _decided(self, action: BulkActionRow, item: BulkItem) -> BulkItem:
        status, code, detail = await self._outcome(action, item)
        now = datetime.now(UTC)
        return replace(item, status=status, code=code, detail=detail and detail[:_DETAIL], decided_at=now)

    async def _outcome(self, action: BulkActionRow, item: BulkItem) -> tuple[BulkItemStatus, str | None, str | None]:
        command = command_of(action, item)
        for _ in range(_TRIES):
            try:
                accepted: CommandAccepted = await self._client.get_workflow_handle(item.job_id).execute_update(
                    action.action.value,
                    command,
                    id=f"bulk-{action.id}-{item.position}",
                    result_type=CommandAccepted,
                    rpc_timeout=_ANSWER,
                )
            except WorkflowUpdateFailedError as error:
                cause = error.cause
                code = cause.type if isinstance(cause, ApplicationError) and cause.type else "API.CONFLICT"
                return BulkItemStatus.REFUSED, code, str(getattr(cause, "message", cause))
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                continue
            except RPCError as error:
                if error.status is RPCStatusCode.DEADLINE_EXCEEDED:
                    continue
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return BulkItemStatus.REFUSED, "API.JOB_CLOSED", "the job has ended"
            return BulkItemStatus.ACCEPTED, None, ", ".join(accepted.steps)
        text = "no worker took the decision in time; it may still take effect"
        return BulkItemStatus.UNANSWERED, "API.DECISION_TIMEOUT", text

    async def _looked(self, action: BulkActionRow, item: BulkItem) -> tuple[bool, str | None]:
        """Whether the job has ended, and what speaks against deciding the same about the others."""
        if item.status is not BulkItemStatus.ACCEPTED:
            return True, f"job {item.job_id} did not take it: {item.code}: {item.detail}"
        handle = self._client.get_workflow_handle(item.job_id)
        seen = await handle.describe()
        if seen.status is not WorkflowExecutionStatus.RUNNING:
            well = action.action is BulkVerb.DISCARD or seen.status is WorkflowExecutionStatus.COMPLETED
            return (
                True,
                None if well else f"job {item.job_id} ended as {seen.status.name if seen.status else 'unknown'}",
            )
        if JobStatus.DEAD_LETTERED.value not in seen.search_attributes.get(ATTRIBUTE_STATUS, ()):
            return False, None
        parked: list[str] = (await handle.query(QUERY_STATE, rpc_timeout=_ANSWER))["parked"]
        again = [unit for unit in parked if item.units is None or unit in item.units]
        return False, f"job {item.job_id} is parked again ({', '.join(again[:5])})" if again else None


def page_size(rate: float | None) -> int:
    """How many decisions go into one page at this rate a second."""
    return _PAGE if rate is None else max(1, min(_PAGE, int(rate * _PAGE_SECONDS)))


def command_of(action: BulkActionRow, item: BulkItem) -> Command:
    """What is decided about one job: the reason names the action, so that the job's journal leads to it."""
    who: dict[str, Any] = {"actor": action.requested_by, "reason": f"{action.reason} (bulk action {action.id})"}
    if action.action is BulkVerb.DISCARD:
        return DiscardCommand(**who)
    if action.action is BulkVerb.SKIP:
        return SkipCommand(**who, step=action.step, output=action.output)
    steps = None if item.units is None else list(item.units)
    return RetryCommand(**who, steps=steps, force=action.force)
