"""A discard that meets another decision in one workflow task ends the job all the same."""

from uuid import uuid4

import pytest

from perdure.contract.state import JobStatus
from tests.integration.workflow.conftest import Bench
from tests.integration.workflow.history_check import check_no_task_failed
from tests.integration.workflow.working import working


@pytest.mark.parametrize("other", ["retry", "skip"])
async def test_c5_a_discard_and_another_decision_at_once_end_the_job_as_discarded(bench: Bench, other: str) -> None:
    own = Bench(bench.client, f"t{uuid4().hex[:12]}")
    async with working(own):
        handle = await own.start([{"id": "bad", "type": "FAIL", "retry": {"maximum_attempts": 1}}])
        await own.until(handle, "bad", "DEAD_LETTERED")
    await handle.signal("discard", {"actor": "me"})
    await handle.signal(other, {"actor": "you"})
    async with working(own):
        assert (await own.finish(handle)).status is JobStatus.FAILED
    check_no_task_failed(await handle.fetch_history())
