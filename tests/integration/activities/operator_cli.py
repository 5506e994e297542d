"""The real `temporal` CLI in an operator's hand: `temporal activity pause|unpause|reset|update-options`."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from temporalio.api.workflow.v1 import PendingActivityInfo

from perdure.embedded.binary import find_binaries
from tests.server.stack import environment


async def temporal(address: str, *words: str) -> str:
    """Run it; its output. Raises AssertionError when it fails."""
    process = await asyncio.create_subprocess_exec(
        str(find_binaries().temporal),
        *words,
        "--address",
        address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(),
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def on_activity(address: str, verb: str, workflow_id: str, *more: str, activity_id: str = "one") -> str:
    """`temporal activity VERB` on one activity."""
    return await temporal(address, "activity", verb, "--workflow-id", workflow_id, "--activity-id", activity_id, *more)


async def pending(handle: Any, holds: Callable[[PendingActivityInfo], bool]) -> PendingActivityInfo:
    """The workflow's one pending activity, once `holds` is true of it."""
    deadline = time.monotonic() + 60
    while True:
        found: Sequence[PendingActivityInfo] = (await handle.describe()).raw_description.pending_activities
        if found and holds(found[0]):
            return found[0]
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
