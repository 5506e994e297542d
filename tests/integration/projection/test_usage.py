"""What an attempt took is shown with it where that can be known: where it ran in a process of its own."""

from perdure.contract.state import JobStatus
from tests.integration.projection.conftest import Plant
from tests.integration.projection.test_live_view import LOG, refolded

LOOP = {"type": "COMPUTE", "with": {"expression": "size(input.map(x, x * 2))"}}
BAD_LOOP = {"type": "COMPUTE", "with": {"expression": "input.map(x, x.y)"}, "retry": {"maximum_attempts": 1}}


async def test_an_attempt_in_a_child_says_what_it_took_and_one_in_the_worker_does_not(plant: Plant) -> None:
    steps = [{"id": "count", **LOOP}, {"id": "say", **LOG}, {"id": "bad", **BAD_LOOP}]
    handle = await plant.bench.start(steps, input=[1, 2, 3])
    job = await plant.shown(handle.id, lambda job: job.status is JobStatus.DEAD_LETTERED, 60.0)
    counted, said, failed = (step.attempts[-1] for step in job.steps)
    for attempt in (counted, failed):
        assert attempt.usage is not None
        assert attempt.usage.cpu_ms > 0
        assert attempt.usage.peak_memory_bytes > 2**20
    assert said.usage is None
    folded = await refolded(plant.bench.client, handle.id)
    assert [step.attempts for step in job.steps] == [step.attempts for step in folded.steps]
