"""`temporal activity pause|unpause|reset|update-options` on a step that retries: job and projection stay right."""

from typing import Any

from perdure.contract.state import AttemptOutcome, JobStatus
from perdure.store.job import StoredJob
from tests.integration.activities.operator_cli import on_activity
from tests.integration.projection.conftest import Plant


def flaky(times: int, interval: str = "1s", attempts: int = 9) -> dict[str, Any]:
    retry = {"initial_interval": interval, "maximum_interval": interval, "jitter": 0.0, "maximum_attempts": attempts}
    params = {"code": "X.Y", "class": "TRANSIENT", "message": "not yet", "times": times}
    return {"id": "flaky", "type": "FAIL", "with": params, "retry": retry}


def tried(job: StoredJob) -> list[tuple[int, str]]:
    return [(one.attempt, str(one.outcome)) for one in job.steps[0].attempts]


async def test_pause_holds_a_retrying_step_and_unpause_lets_it_go_on(plant: Plant, temporal_address: str) -> None:
    handle = await plant.bench.start([flaky(2)])
    await plant.shown(handle.id, lambda job: len(job.steps[0].attempts) >= 1)
    await on_activity(temporal_address, "pause", handle.id, activity_id="flaky")
    await plant.bench.let_pass(2.5)
    held = await plant.shown(handle.id, lambda job: not job.status.final)
    assert len([one for one in held.steps[0].attempts if one.outcome is AttemptOutcome.FAILED]) <= 2
    await on_activity(temporal_address, "unpause", handle.id, activity_id="flaky")
    done = await plant.shown(handle.id, lambda job: job.status.final)
    assert done.status is JobStatus.COMPLETED
    assert tried(done) == [(1, "FAILED"), (2, "FAILED"), (3, "COMPLETED")]


async def test_reset_keeps_the_attempts_before_it(plant: Plant, temporal_address: str) -> None:
    handle = await plant.bench.start([flaky(4, attempts=3)])
    await plant.shown(handle.id, lambda job: len(job.steps[0].attempts) >= 2)
    await on_activity(temporal_address, "reset", handle.id, activity_id="flaky")
    done = await plant.shown(handle.id, lambda job: job.status.final, 60)
    assert done.status is JobStatus.COMPLETED
    assert tried(done) == [(1, "FAILED"), (2, "FAILED"), (3, "FAILED"), (4, "FAILED"), (5, "COMPLETED")]


async def test_changed_options_end_a_long_wait(plant: Plant, temporal_address: str) -> None:
    handle = await plant.bench.start([flaky(2, interval="300s")])
    await plant.shown(handle.id, lambda job: len(job.steps[0].attempts) >= 1)
    options = ["--retry-initial-interval", "50ms", "--retry-maximum-interval", "50ms"]
    await on_activity(temporal_address, "update-options", handle.id, *options, activity_id="flaky")
    done = await plant.shown(handle.id, lambda job: job.status.final, 60)
    assert done.status is JobStatus.COMPLETED
    assert tried(done) == [(1, "FAILED"), (2, "FAILED"), (3, "COMPLETED")]
