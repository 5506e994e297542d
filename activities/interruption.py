"""Why a running attempt may be stopped before its step ends; the wrapper runs the step's code under it.

Temporal tells a worker to stop an attempt when its activity is paused, too. But a pause is not meant for what runs:
the step goes on. The SDK tells a worker once only, so from then on this asks for itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import activity
from temporalio.activity import ActivityCancellationDetails
from temporalio.client import AsyncActivityCancelledError
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.ledger import Heartbeat

_T = TypeVar("_T")

_PAUSED = ActivityCancellationDetails(paused=True)
_ASKED_EVERY = timedelta(seconds=1)


class Interruption:
    """Of one attempt. `beat` gives what its heartbeat says now; `grace` is what a stopping worker leaves it."""

    def __init__(self, beat: Callable[[], Heartbeat], grace: timedelta) -> None:
        self.reason: ActivityCancellationDetails | None = None
        self.stopping = False
        self._beat = beat
        self._grace = grace

    async def guard(self, step: Awaitable[_T]) -> _T:
        """What `step` gives, or raises. It is canceled when it is to stop; `reason` then says why, if anybody knows."""
        body = asyncio.ensure_future(step)
        watch: asyncio.Task[ActivityCancellationDetails] | None = None
        try:
            while not body.done():
                try:
                    await asyncio.wait([body, *([watch] if watch else [])], return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError:
                    told = activity.cancellation_details()
                    if told != _PAUSED or watch is not None:
                        self._stop(body, told)
                        break
                    _swallowed()
                    watch = asyncio.create_task(self._watch())
                    continue
                if watch is not None and watch.done() and not body.done():
                    self._stop(body, watch.result())
                    break
            return await body
        finally:
            if watch is not None:
                watch.cancel()

    def _stop(self, body: "asyncio.Future[_T]", reason: ActivityCancellationDetails | None) -> None:
        self.reason, self.stopping = reason, True
        body.cancel()

    async def _watch(self) -> ActivityCancellationDetails:
        """Why the attempt is to stop, once it is."""
        asked = asyncio.create_task(self._ask())
        stopped = asyncio.create_task(self._shut_down())
        try:
            done, _ = await asyncio.wait([asked, stopped], return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            asked.cancel()
            stopped.cancel()

    async def _ask(self) -> ActivityCancellationDetails:
        handle = activity.client().get_async_activity_handle(task_token=activity.info().task_token)
        while True:
            try:
                await handle.heartbeat(self._beat())
            except AsyncActivityCancelledError as told:
                if told.details is not None and told.details != _PAUSED:
                    return told.details
            except RPCError as problem:
                if problem.status is RPCStatusCode.NOT_FOUND:
                    return ActivityCancellationDetails(not_found=True)
            await asyncio.sleep(_ASKED_EVERY.total_seconds())

    async def _shut_down(self) -> ActivityCancellationDetails:
        await activity.wait_for_worker_shutdown()
        await asyncio.sleep(self._grace.total_seconds())
        return ActivityCancellationDetails(worker_shutdown=True)


def _swallowed() -> None:
    """Take back the request to cancel this task, which is not followed."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
