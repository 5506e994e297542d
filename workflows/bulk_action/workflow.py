"""The `BulkAction` workflow: sends the decisions of a bulk action page by page; the worker registers it.

Which jobs, what is decided and what became of it are rows in Postgres, read and written by its activities: the
workflow holds only where it stands.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from perdure.contract.bulk import (
    ACTIVITY_BULK_CANARY,
    ACTIVITY_BULK_FINISH,
    ACTIVITY_BULK_PAGE,
    BULK_WORKFLOW,
    SIGNAL_ABORT,
    AbortCommand,
    BulkCanary,
    BulkFinish,
    BulkPage,
    BulkProgress,
    BulkStart,
    BulkStatus,
    BulkVerdict,
)

_PAGES = 200
"""After so many the workflow continues as new: some 1,300 events."""
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
"""For ever: Postgres or Temporal may be away for hours, and a decision is sent once all the same."""
_HEARTBEAT = timedelta(seconds=30)
_PAGE_TIME = timedelta(minutes=10)
_CANARY_GRACE = timedelta(minutes=10)
_LOOK_SECONDS = 2.0
"""How long the canary is looked at without a rest: other actions need the slots too."""
_LEAST_REST, _REST = 1.0, 0.1
"""Seconds between two looks, and what part of the time gone by: a canary of a year is looked at some 200 times."""
T = TypeVar("T")


@workflow.defn(name=BULK_WORKFLOW)
class BulkAction:
    """One bulk action."""

    def __init__(self) -> None:
        self._abort: AbortCommand | None = None

    @workflow.signal(dynamic=True)
    async def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Takes `abort`, whatever comes with it; nothing else means anything here."""
        if name == SIGNAL_ABORT and self._abort is None:
            self._abort = _abort_command(args)

    @workflow.run
    async def run(self, start: BulkStart) -> BulkStatus:
        """Send all decisions; the canary's first. How it ended is also in Postgres."""
        problem = None
        if start.canary and not start.canary_passed:
            problem = await self._try_canary(start)
        if problem is None:
            await self._send(start, None)
        return await self._finish(start, problem)

    async def _try_canary(self, start: BulkStart) -> str | None:
        """Why to stop after the first jobs; None to go on."""
        await self._send(start, start.canary)
        begun = workflow.now()
        deadline = begun + timedelta(seconds=start.canary_seconds)
        while (verdict := await self._look(start, deadline)) is not None and verdict.undecided:
            now = workflow.now()
            passed, left = (now - begun).total_seconds(), (deadline - now).total_seconds()
            await self._rest(min(max(_LEAST_REST, passed * _REST), left))
        return None if verdict is None else verdict.problem

    async def _look(self, start: BulkStart, deadline: datetime) -> BulkVerdict | None:
        """What becomes of the first jobs; None once somebody aborts."""
        if self._abort is not None:
            return None
        seen = workflow.start_activity(
            ACTIVITY_BULK_CANARY,
            BulkCanary(id=start.id, count=start.canary, deadline=deadline.isoformat(), seconds=_LOOK_SECONDS),
            result_type=BulkVerdict,
            start_to_close_timeout=timedelta(seconds=start.canary_seconds) + _CANARY_GRACE,
            heartbeat_timeout=_HEARTBEAT,
            retry_policy=_RETRY,
        )
        await workflow.wait_condition(lambda: seen.done() or self._abort is not None)
        if not seen.done():
            seen.cancel()
            await workflow.wait([seen])
            return None
        verdict: BulkVerdict = await seen
        return verdict

    async def _send(self, start: BulkStart, before: int | None) -> None:
        """Send page after page, until none is left or somebody aborts."""
        pages = 0
        while self._abort is None:
            if pages >= _PAGES and before is None:
                workflow.continue_as_new(start.model_copy(update={"canary_passed": True}))
            wanted = BulkPage(id=start.id, before=before, rests=True)
            done: BulkProgress = await _do(ACTIVITY_BULK_PAGE, wanted, BulkProgress)
            pages += 1
            if done.left == 0 and before is None:
                return
            await self._rest(done.rest_seconds)
            if done.left == 0:
                return

    async def _rest(self, seconds: float) -> None:
        """Wait that long, or until somebody aborts; here, because an activity would hold a slot meanwhile."""
        if seconds > 0:
            with suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._abort is not None, timeout=seconds)

    async def _finish(self, start: BulkStart, problem: str | None) -> BulkStatus:
        status = BulkStatus.COMPLETED
        if problem is not None:
            status = BulkStatus.STOPPED
        elif self._abort is not None:
            status = BulkStatus.ABORTED
            problem = f"aborted by {self._abort.actor or 'somebody'}: {self._abort.reason or 'no reason given'}"
        await _do(ACTIVITY_BULK_FINISH, BulkFinish(id=start.id, status=status, problem=problem), type(None))
        return status


async def _do(activity: str, argument: Any, result: type[T]) -> T:
    done: T = await workflow.execute_activity(
        activity,
        argument,
        result_type=result,
        start_to_close_timeout=_PAGE_TIME,
        heartbeat_timeout=_HEARTBEAT,
        retry_policy=_RETRY,
    )
    return done


def _abort_command(args: Sequence[RawValue]) -> AbortCommand:
    try:
        return workflow.payload_converter().from_payload(args[0].payload, AbortCommand)
    except Exception:  # noqa: BLE001 - whoever says abort means it, whatever else they sent
        return AbortCommand()
