"""Perdure's own processes: migrations, which run once, API and worker as services; used by the stack."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.child import Launch, StopStep
from perdure.embedded.probe import http_problem

_API_GRACE = 12.0  # seconds for open requests; the API itself gives them 10
_WORKER_GRACE_DEFAULT = 10.0  # as in perdure.settings
_WORKER_GRACE_MARGIN = 8.0  # to report what was cut off and to write the last rows, after its own grace


@dataclass(frozen=True, slots=True)
class Application:
    """A `perdure.embedded.supervisor.Service` that answers 200 on `ready_url` when it is ready."""

    name: str
    command: tuple[str, ...]
    ready_url: str
    environment: Mapping[str, str]
    log: Path
    stop_steps: tuple[StopStep, ...]

    def launch(self) -> Launch:
        # In the user's own directory, so that relative paths in PERDURE_* mean what the user meant.
        return Launch(argv=self.command, env=self.environment, cwd=Path.cwd(), log=self.log)

    async def prepare(self) -> None:
        """Nothing to prepare."""

    async def probe(self, _pid: int) -> str | None:
        return await http_problem(self.ready_url)


def api_service(command: tuple[str, ...], url: str, environment: Mapping[str, str], log: Path) -> Application:
    steps = (StopStep(signal.SIGTERM, _API_GRACE),)
    return Application("API", command, f"{url}/readyz", environment, log, steps)


def worker_service(command: tuple[str, ...], url: str, environment: Mapping[str, str], log: Path) -> Application:
    """Return the worker, given as long at its stop as it gives its steps."""
    try:
        grace = float(environment["PERDURE_WORKER_GRACE_SECONDS"])
    except (KeyError, ValueError):  # unset, or not a number, which the worker itself refuses
        grace = _WORKER_GRACE_DEFAULT
    steps = (StopStep(signal.SIGTERM, grace + _WORKER_GRACE_MARGIN),)
    return Application("worker", command, f"{url}/readyz", environment, log, steps)


def migration(command: tuple[str, ...], environment: Mapping[str, str], log: Path) -> Launch:
    """Return the one-off command that brings the tables up to date."""
    return Launch(argv=command, env=environment, cwd=Path.cwd(), log=log)
