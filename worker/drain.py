"""The end of a worker: waits for the signal, then lets running steps finish. Used by the composition root."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from temporalio.worker import Worker

_log = structlog.get_logger("worker")

REPORT_SECONDS = 3.0
"""After the grace: for steps that were canceled to end, and for Temporal to be told."""


async def first(stop: asyncio.Event, tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait until told to stop, or until one of the tasks ended."""
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def drained(workers: Sequence[Worker], tasks: Sequence[asyncio.Task[None]], grace: float) -> bool:
    """Stop polling, let steps finish within the grace, cancel the others; whether all of them ended.

    Args:
        workers: what is to stop.
        tasks: their `run`.
        grace: seconds, as the workers were given.

    Raises:
        RuntimeError: a worker failed for good.
    """
    shutdowns = [asyncio.create_task(worker.shutdown()) for worker in workers]
    _, pending = await asyncio.wait([*tasks, *shutdowns], timeout=grace + REPORT_SECONDS)
    for task in tasks:
        if task.done():
            task.result()
    if pending:
        _log.warning("steps do not stop: left behind, and repeated elsewhere once their heartbeat is missed")
    return not pending
