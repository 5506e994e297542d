"""What a running step is given beside its parameters; the wrapper builds it, steps and plugins use it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from structlog.typing import FilteringBoundLogger

from perdure.contract.limit import JobLimits


@dataclass(frozen=True, slots=True)
class StepContext:
    """One attempt at one step.

    `attempt` counts from 1 in each round, `attempts_before` is what earlier rounds used. `idempotency_key` is the
    same over attempts, rounds and workers: hand it to whatever the step changes. `log` carries the job and the
    step, and never shows a secret. `http` reaches no private address; use it for every request. `checkpoint` is
    what the attempt before left with `heartbeat`.

    A step is asynchronous: work that blocks belongs in `asyncio.to_thread`, else the worker cannot say that the
    step is alive, and it is taken for lost.
    """

    job_id: str
    step_id: str
    step_type: str
    tenant: str
    round: int
    attempt: int
    attempts_before: int
    idempotency_key: str
    limits: JobLimits
    log: FilteringBoundLogger
    http: httpx.AsyncClient
    checkpoint: Any
    on_heartbeat: Callable[[Any, Any], None]
    on_secret: Callable[[str], str]
    on_cancelled: Callable[[], bool]
    on_usage: Callable[[float, int], None] = lambda _cpu, _peak: None

    def heartbeat(self, progress: Any = None, checkpoint: Any = None) -> None:
        """Show how far the step is and keep where to go on; None leaves what was said before.

        Both are JSON, each at most 256 KiB and the limit of outputs. The worker says by itself that the step is alive.

        Raises:
            StepError: they are not JSON (STEP.OUTPUT_INVALID) or too large (STEP.OUTPUT_TOO_LARGE).
        """
        self.on_heartbeat(progress, checkpoint)

    def secrets(self, name: str) -> str:
        """The secret `name` of the worker.

        Raises:
            StepError: this worker has no such secret (STEP.SECRET_MISSING).
        """
        return self.on_secret(name)

    def used(self, cpu_seconds: float, peak_memory_bytes: int) -> None:
        """Say what the attempt took in a process of its own: it is shown with the attempt. The last word counts."""
        self.on_usage(cpu_seconds, peak_memory_bytes)

    @property
    def cancelled(self) -> bool:
        """Whether the step has been asked to stop; asyncio.CancelledError is raised in it as well."""
        return self.on_cancelled()
