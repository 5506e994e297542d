"""The stack used by a program, as the demo uses it."""

import asyncio
from pathlib import Path

import pytest

from perdure.embedded.error import StackError
from perdure.embedded.event import Event, Ready, Stopped, Stopping
from perdure.embedded.info import find_running
from perdure.embedded.stack import EmbeddedStack
from tests.integration.embedded.run_stack import stand_in_config


async def test_program_gets_addresses_and_events_and_no_cancellation_keeps_the_stop_from_its_end(
    tmp_path: Path,
) -> None:
    events: list[Event] = []
    stack = EmbeddedStack(stand_in_config(data_dir=tmp_path / "data"), events.append)
    with pytest.raises(StackError, match="not ready"):
        _ = stack.info
    entered = asyncio.Event()

    async def program() -> None:
        async with stack:
            assert stack.info == find_running(tmp_path / "data")
            entered.set()
            await stack.watch()

    task = asyncio.create_task(program())
    await asyncio.wait_for(entered.wait(), 30)
    task.cancel()
    while not task.done():  # again and again, while it stops
        await asyncio.sleep(0.05)
        task.cancel()
    assert task.cancelled()
    ready = [event.service for event in events if isinstance(event, Ready)]
    assert sorted(ready[:3]) == ["Postgres", "Temporal", "migrations"]
    assert sorted(ready[3:]) == ["API", "worker"]
    assert ready.index("Postgres") < ready.index("migrations")
    stop = events[-5:]
    assert isinstance(stop[0], Stopping)
    stopped = [(event.service, event.forced) for event in stop if isinstance(event, Stopped)]
    assert stopped == [("API", False), ("worker", False), ("Temporal", False), ("Postgres", False)]
    assert find_running(tmp_path / "data") is None
    with pytest.raises(StackError, match="not ready"):
        _ = stack.info
