"""`temporal activity pause|unpause|reset|update-options` on a step that retries: job and projection stay right."""

from typing import Any

import pytest

from perdure.contract.state import AttemptOutcome, JobStatus
from perdure.store.job import StoredJob
from tests.integration.activities.operator_cli import on_activity
from tests.integration.projection.conftest import Plant

pytestmark = pytest.mark.filterwarnings("ignore:Cannot find activity to cancel for token:UserWarning")
"""The SDK says so where Temporal's word of a pause or a reset arrives just after the attempt has ended: it is late, and
nothing is wrong. As an error it would end the worker of the test."""


def flaky(times: int, interval: str, *, attempts: int = 9, then: str | None = None) -> dict[str, Any]:
    """A step that fails so often; `then`: how long it waits after the second attempt."""
    retry = {"initial_interval": interval, "maximum_interval": then or interval, "jitter": 0.0}
    retry |= {"maximum_attempts": attempts, "backoff_coefficient": 100.0 if then else 1.0}
    params = {"code": "X.Y", "class": "TRANSIENT", "message": "not yet", "times": times}
    return {"id": "flaky", "type": "FAIL", "with": params, "retry": retry}


def tried(job: StoredJob) -> list[tuple[int, str]]:
    return [(one.attempt, str(one.outcome)) for one in job.steps[0].attempts]


async def test_pause_holds_a_retrying_step_and_unpause_lets_it_go_on(plant: Plant, temporal_address: str) -> None:
    handle = await plant.bench.start([flaky(2, "200ms", then="8s")])
    await plant.shown(handle.id, lambda job: len(job.steps[0].attempts) >= 2)
    await on_activity(temporal_address, "pause", handle.id, activity_id="flaky")
    await plant.bench.let_pass(8.5)  # past the moment when the third attempt would have begun
    held = await plant.shown(handle.id, lambda job: not job.status.final)
    assert len([one for one in held.steps[0].attempts if one.outcome is AttemptOutcome.FAILED]) == 2
    await on_activity(temporal_address, "unpause", handle.id, activity_id="flaky")
    done = await plant.shown(handle.id, lambda job: job.status.final)
    assert done.status is JobStatus.COMPLETED
    assert tried(done) == [(1, "FAILED"), (2, "FAILED"), (3, "COMPLETED")]


async def test_reset_keeps_the_attempts_before_it(plant: Plant, temporal_address: str) -> None:
    handle = await plant.bench.start([flaky(4, "200ms", attempts=3, then="8s")])
    await plant.shown(handle.id, lambda job: len(job.steps[0].attempts) >= 2)
    await on_activity(temporal_address, "reset", handle.id, activity_id="flaky")
    done = await plant.shown(handle.id, lambda job: job.status.final, 60)
    assert done.status is JobStatus.COMPLETED
    assert tried(done) == [(1, "FAILED"), (2, "FAILED"), (3, "FAILED"), (4, "FAILED"), (5, "COMPLETED")]


async def test_changed_options_end_a_long_wait(plant: Plant, temporal_address: str) -> None:
    handle = await plant.bench.start([flaky(2, "300s")])
    await plant.shown(handle.id, lambda job: len(job.steps[0].attempts) >= 1)
    options = ["--retry-initial-interval", "50ms", "--retry-maximum-interval", "50ms"]
    await on_activity(temporal_address, "update-options", handle.id, *options, activity_id="flaky")
    done = await plant.shown(handle.id, lambda job: job.status.final, 60)
    assert done.status is JobStatus.COMPLETED
    assert tried(done) == [(1, "FAILED"), (2, "FAILED"), (3, "COMPLETED")]
