"""A real Temporal server on which the time of a workflow that only waits passes at once, for tests over days.

It is the server's own time skipping, not the older test server, which has neither visibility nor search attributes.
Each workflow has a clock of its own; it stands still while an activity runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper

from tests.server.temporal import running_temporal


@contextmanager
def running_time_skipping() -> Iterator[str]:
    """Yields its address. Time passes as ever, but for workflows that a `time_skipper` started."""
    with running_temporal(["frontend.WorkflowTimeSkippingEnabled=true"]) as address:
        yield address


async def time_skipper(address: str) -> TimeSkipper:
    """Its `client` starts workflows that skip waiting; `get_current_time` tells where one has got to."""
    return TimeSkipper(await Client.connect(address, data_converter=pydantic_data_converter))
