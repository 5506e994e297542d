"""The embedded Temporal as a service: the CLI's server with the measured settings; used by the stack."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.child import Launch, StopStep, run_once
from perdure.embedded.error import ServiceFailedError
from perdure.embedded.port import LOOPBACK
from perdure.embedded.probe import http_problem, tcp_problem

RETENTION = "30d"
SEARCH_ATTRIBUTES = ("PerdureStatus", "PerdureType", "PerdureTenant", "PerdureCorrelationId")
_PRAGMAS = ("journal_mode=wal", "synchronous=normal", "cache_size=-200000")
# Measured: without these a job takes 99 ms instead of 35, throughput is a third, short timers wait a second,
# and priorities are not strict (docs/concepts/embedded-stack.md).
DYNAMIC_CONFIG = (
    "history.transferProcessorMaxPollRPS=1000",
    'history.timerProcessorMaxTimeShift="10ms"',
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # A job whose workflow task fails again and again is to be found within seconds (TemporalReportedProblems).
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
    # `start-dev` would read all definitions from its database at every start, list, read of a history and task: 4 %.
    "system.forceSearchAttributesCacheRefreshOnRead=false",
)
# The user's own profiles and environments of the CLI are not meant for this server.
_OWN_SETTINGS_ONLY = ("--env-file", "/dev/null", "--disable-config-file", "--disable-config-env")


@dataclass(frozen=True, slots=True)
class Temporal:
    """A `perdure.embedded.supervisor.Service`."""

    executable: Path
    home: Path
    port: int
    ui_port: int
    environment: Mapping[str, str]
    log: Path
    name: str = "Temporal"
    stop_steps: tuple[StopStep, ...] = (StopStep(signal.SIGTERM, 10),)

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ui_port}"

    def launch(self) -> Launch:
        ports = ("--port", str(self.port), "--ui-port", str(self.ui_port))
        return self._launch(
            *("server", "start-dev", "--ip", LOOPBACK, *ports),
            *("--db-filename", "temporal.db"),  # relative: the server would misread some characters of a path
            *(word for pragma in _PRAGMAS for word in ("--sqlite-pragma", pragma)),
            *(word for value in DYNAMIC_CONFIG for word in ("--dynamic-config-value", value)),
            *(word for name in SEARCH_ATTRIBUTES for word in ("--search-attribute", f"{name}=Keyword")),
            *("--ui-disable-news-fetch", "--log-format", "json"),
        )

    async def prepare(self) -> None:
        """Nothing to prepare: the server makes its database."""

    async def probe(self, _pid: int) -> str | None:
        """Return None once it serves, with the retention set, and so does its Web UI."""
        if problem := await tcp_problem(self.port):
            return problem
        update = ("operator", "namespace", "update", "--address", self.address, "--namespace", "default")
        try:
            await run_once(self._launch(*update, "--retention", RETENTION), "setting the retention")
        except ServiceFailedError as error:
            return str(error)
        return await http_problem(self.ui_url)

    def _launch(self, *arguments: str) -> Launch:
        argv = (str(self.executable), *arguments, *_OWN_SETTINGS_ONLY)
        return Launch(argv=argv, env=self.environment, cwd=self.home, log=self.log)
