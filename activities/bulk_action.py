"""The activities of the `BulkAction` workflow: send decisions, watch the canary, write how it ended.

Whatever they repeat after a crash is one decision: a job takes the update of an action and position once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError

from activities.bulk_decision import ANSWER, Decisions
from activities.bulk_pace import AT_ONCE, Pace
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
from perdure.contract.name import ATTRIBUTE_STATUS, QUERY_STATE
from perdure.contract.state import JobStatus
from perdure.security.audit import tell
from perdure.store import bulk_action as store
from perdure.store.bulk_action import BulkActionRow, BulkItem
from perdure.store.session import transaction

_PAGE = 100
PAGE_SECONDS = 2.0
"""After this a page begins no more decisions, so that an abort is soon heard; what is left is the next page's."""
_LOOK_SECONDS = 1.0
_BEAT_SECONDS = 5.0


class BulkActivities:
    """What the worker registers on the queue of bulk actions."""

    def __init__(self, engine: AsyncEngine, client: Client) -> None:
        self._engine = engine
        self._client = client
        self._decisions = Decisions(client)
        self._pace = Pace()

    @property
    def all(self) -> list[Callable[..., Any]]:
        """The activities."""
        return [self.page, self.canary, self.finish]

    @activity.defn(name=ACTIVITY_BULK_PAGE)
    async def page(self, wanted: BulkPage) -> BulkProgress:
        """Send the next decisions and write what became of each; how many are left."""
        rest = 0.0
        async with transaction(self._engine) as connection:
            await store.begin(connection, wanted.id, datetime.now(UTC))
            action = await self._action(connection, wanted.id)
            items = await store.list_items(
                connection, wanted.id, statuses=[BulkItemStatus.PENDING], before=wanted.before, limit=_PAGE
            )
        done: list[BulkItem] = []
        try:
            async with _beating():
                rest = await self._send(action, items, done)
                if not wanted.rests:
                    await asyncio.sleep(rest)
        finally:
            async with transaction(self._engine) as connection:
                await store.decided(connection, wanted.id, done)
                left = await store.pending(connection, wanted.id, wanted.before)
        return BulkProgress(left=left, rest_seconds=rest if wanted.rests else 0.0)

    @activity.defn(name=ACTIVITY_BULK_CANARY)
    async def canary(self, wanted: BulkCanary) -> BulkVerdict:
        """Wait until the first jobs have ended, or are still well when the time is over; tell what is wrong."""
        async with transaction(self._engine) as connection:
            action = await self._action(connection, wanted.id)
            left = await store.list_items(connection, wanted.id, before=wanted.count, limit=wanted.count)
        deadline, begun = datetime.fromisoformat(wanted.deadline), datetime.now(UTC)
        while left:
            still = []
            for item in left:
                activity.heartbeat()
                ended, problem = await self._looked(action, item)
                if problem is not None:
                    return BulkVerdict(problem=f"the canary stopped it: {problem}")
                if not ended:
                    still.append(item)
            left = still
            now = datetime.now(UTC)
            if not left or now >= deadline:
                break
            if wanted.seconds is not None and (now - begun).total_seconds() >= wanted.seconds:
                return BulkVerdict(undecided=True)
            await asyncio.sleep(_LOOK_SECONDS)
        return BulkVerdict()

    @activity.defn(name=ACTIVITY_BULK_FINISH)
    async def finish(self, wanted: BulkFinish) -> None:
        """Write how it ended, once; the audit has it too."""
        async with transaction(self._engine) as connection:
            entry = await store.finish(connection, wanted.id, wanted.status, wanted.problem, datetime.now(UTC))
        if entry is not None:
            tell(entry)

    async def _action(self, connection: Any, action_id: str) -> BulkActionRow:
        action = await store.get_action(connection, action_id)
        if action is None:
            raise ApplicationError(f"there is no bulk action {action_id}", non_retryable=True)
        return action

    async def _send(self, action: BulkActionRow, items: Sequence[BulkItem], done: list[BulkItem]) -> float:
        """Decide about the first of the items, as far as a page's time goes, and add them to `done`.

        Returns:
            In how many seconds the rate allows the next one.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        gap = 0.0 if action.rate_per_second is None else 1 / action.rate_per_second
        numbered = iter(enumerate(items))

        async def turn() -> None:
            while (loop.time() - begun) < PAGE_SECONDS and (taken := next(numbered, None)) is not None:
                number, item = taken
                if number and number * gap >= PAGE_SECONDS:
                    return
                await asyncio.sleep(begun + number * gap - loop.time())
                asked = loop.time()
                done.append(await self._decisions.send(action, item))
                await asyncio.sleep(self._pace.rest(loop.time() - asked))

        try:
            async with asyncio.TaskGroup() as turns:
                for _ in range(AT_ONCE):
                    turns.create_task(turn())
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return max(0.0, begun + len(done) * gap - loop.time())

    async def _looked(self, action: BulkActionRow, item: BulkItem) -> tuple[bool, str | None]:
        """Whether the job has ended, and what speaks against deciding the same about the others."""
        if item.status is not BulkItemStatus.ACCEPTED:
            return True, f"job {item.job_id} did not take it: {item.code}: {item.detail}"
        handle = self._client.get_workflow_handle(item.job_id)
        seen = await handle.describe()
        if seen.status is not WorkflowExecutionStatus.RUNNING:
            well = action.action is BulkVerb.DISCARD or seen.status is WorkflowExecutionStatus.COMPLETED
            how = seen.status.name if seen.status else "unknown"
            return True, None if well else f"job {item.job_id} ended as {how}"
        if JobStatus.DEAD_LETTERED.value not in seen.search_attributes.get(ATTRIBUTE_STATUS, ()):
            return False, None
        parked: list[str] = (await handle.query(QUERY_STATE, rpc_timeout=ANSWER))["parked"]
        again = [unit for unit in parked if item.units is None or unit in item.units]
        return False, f"job {item.job_id} is parked again ({', '.join(again[:5])})" if again else None


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
    """Heartbeats while the block runs."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_BEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
