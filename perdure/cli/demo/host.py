"""The stack the demo runs on: the one that runs here if its jobs may call the partner, else its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from perdure.cli.demo.partner import Partner
from perdure.cli.demo.scenario import call_step
from perdure.cli.demo.stage import Stage
from perdure.client import AsyncPerdureClient, ClientError
from perdure.embedded.config import DEFAULT_DATA_DIR, StackConfig
from perdure.embedded.error import PortTakenError
from perdure.embedded.event import Died, Event, Ready
from perdure.embedded.info import StackInfo, find_running
from perdure.embedded.port import PortWish, settle_ports
from perdure.embedded.stack import EmbeddedStack

PROBE_PATIENCE = 10.0
BESIDE = "demo"
"""Where in the data directory of a stack that cannot be used the demo's own stack lives."""
DEFAULTS = StackConfig()
PARTNER_ENVIRONMENT = {"PERDURE_HTTP_ALLOWED_HOSTS": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Host:
    """Where the demo's jobs run. `stack` is None where somebody else started it."""

    info: StackInfo
    data_dir: Path
    stack: EmbeddedStack | None

    def client(self) -> AsyncPerdureClient:
        """A client with the stack's admin key."""
        return client_of(self.info)

    @property
    def again(self) -> str:
        """What starts this stack another time."""
        return "make dev" if self.data_dir == DEFAULT_DATA_DIR else f"perdure dev --data-dir {self.data_dir}"


def client_of(info: StackInfo) -> AsyncPerdureClient:
    """A client of that stack, with its admin key."""
    key = Path(info.admin_api_key_file).read_text(encoding="utf-8").strip()
    return AsyncPerdureClient(info.api_url, api_key=key)


@asynccontextmanager
async def host(data_dir: Path, partner: Partner, stage: Stage) -> AsyncIterator[Host]:
    """The stack to play on; one that was started here is stopped at the end.

    Raises:
        StackError: it cannot start.
    """
    running = find_running(data_dir)
    if running is not None and await _may_call(running, partner):
        stage.say(f"Using the stack that runs on {data_dir} ({running.api_url}).")
        yield Host(running, data_dir, None)
        return
    place, usual_ports = (data_dir, True) if running is None else (data_dir / BESIDE, False)
    if running is not None:
        stage.say(
            f"A stack runs on {data_dir}, but its jobs may not call this machine (PERDURE_HTTP_ALLOWED_HOSTS). "
            f"It stays as it is; the demo starts another one beside it."
        )
    async with _started(_config(place, stage, usual_ports=usual_ports), stage) as stack:
        yield Host(stack.info, place, stack)


@asynccontextmanager
async def _started(config: StackConfig, stage: Stage) -> AsyncIterator[EmbeddedStack]:
    stage.say(f"Starting Temporal, Postgres, a worker and the API on this machine (data in {config.data_dir}) ...")
    begun = asyncio.get_running_loop().time()
    async with EmbeddedStack(config, on_event=lambda event: _tell(event, stage)) as stack:
        stage.aside(f"all ready after {asyncio.get_running_loop().time() - begun:.1f} s", "green")
        yield stack


def _tell(event: Event, stage: Stage) -> None:
    if isinstance(event, Ready):
        stage.aside(f"{event.service} ready ({event.seconds:.1f} s)", "dim")
    elif isinstance(event, Died):
        stage.aside(f"{event.service} died ({event.cause}):\n{event.tail}", "bold red")


def _config(data_dir: Path, stage: Stage, *, usual_ports: bool) -> StackConfig:
    wishes = (
        PortWish("API", "--api-port", DEFAULTS.api_port),
        PortWish("Temporal", "--temporal-port", DEFAULTS.temporal_port),
        PortWish("Temporal Web UI", "--ui-port", DEFAULTS.ui_port),
    )
    api, temporal, ui = (_port(wish, stage) if usual_ports else 0 for wish in wishes)
    return StackConfig(data_dir=data_dir, api_port=api, temporal_port=temporal, ui_port=ui, env=PARTNER_ENVIRONMENT)


def _port(wish: PortWish, stage: Stage) -> int:
    try:
        settle_ports([wish])
    except PortTakenError:
        stage.say(f"Port {wish.number} ({wish.service}) is taken by another program: using a free one.")
        return 0
    return wish.number


async def _may_call(info: StackInfo, partner: Partner) -> bool:
    """Whether jobs of that stack reach the partner: found out by one that tries."""
    step = call_step("ping", f"{partner.url}/ping", retry={"maximum_attempts": 1}, timeout="5s")
    spec = {"name": "demo-probe", "steps": [step], "dead_letter": {"enabled": False}}
    try:
        async with client_of(info) as client:
            job = (await client.submit(spec)).job
            return (await client.wait(job.id, timeout=PROBE_PATIENCE)).completed
    except (ClientError, OSError):
        return False
