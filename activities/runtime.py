"""What the worker's composition root hands to every step: client, secrets, clock, chance, and whom to tell."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from activities.secret import SecretStore
from perdure.telemetry.metric.attempt import AttemptMetrics
from perdure.telemetry.trace.tracing import Tracing


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody(_job_id: str, _run_id: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class StepRuntime:
    """One a worker process.

    `worker` names the process in the attempt ledger (`host/pid`). `on_attempt(job_id, run_id)` is called
    when Temporal has something new to say of an attempt that no history holds yet: one has been running for a
    while, one is about to be reported as failed, the one before may have been lost. It
    must not block. `draw` gives random numbers from 0 to 1. `grace` is what a stopping worker leaves running steps.
    """

    worker: str
    http: httpx.AsyncClient
    secrets: SecretStore
    on_attempt: Callable[[str, str], None] = _nobody
    clock: Callable[[], datetime] = _now
    draw: Callable[[], float] = random.random
    metrics: AttemptMetrics = field(default_factory=AttemptMetrics)
    grace: timedelta = timedelta(seconds=10)
    tracing: Tracing = field(default_factory=Tracing)
