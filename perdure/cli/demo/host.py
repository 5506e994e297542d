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
from perdure.embedded.config import StackConfig
from perdure.embedded.error import PortTakenError
from perdure.embedded.event import Died, Event, Ready
from perdure.embedded.info import StackInfo, find_running
from perdure.embedded.port import PortWish, settle_ports
from perdure.embedded.stack import EmbeddedStack

PROBE_PATIENCE = 10.0
PARTNER_ENVIRONMENT = {"PERDURE_HTTP_ALLOWED_HOSTS": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Host:
    """Where the demo's jobs run. `logs` is None for a stack that somebody else started."""

    info: StackInfo
    data_dir: Path
    logs: Path | None
    stack: EmbeddedStack | None

    def client(self) -> AsyncPerdureClient:
        """A client with the stack's admin key."""
        return client_of(self.info)

    @property
    def stays(self) -> bool:
        """Whether it runs on, or its jobs are kept, when the demo has ended."""
        return self.stack is None or not self.stack.data.ephemeral


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
    if running is None:
        config = _config(data_dir, stage, ephemeral=False)
    elif await _may_call(running, partner):
        stage.say(f"Using the stack that runs on {data_dir} ({running.api_url}).")
        yield Host(running, data_dir, None, None)
        return
    else:
        stage.say(
            f"A stack runs on {data_dir}, but its jobs may not call this machine "
            "(PERDURE_HTTP_ALLOWED_HOSTS). It stays as it is; the demo starts another one beside it."
        )
        config = _config(data_dir, stage, ephemeral=True)
    async with _started(config, stage) as stack:
        yield Host(stack.info, stack.data.path, stack.data.log, stack)


@asynccontextmanager
async def _started(config: StackConfig, stage: Stage) -> AsyncIterator[EmbeddedStack]:
    where = "a temporary directory" if config.ephemeral else str(config.data_dir)
    stage.say(f"Starting Temporal, Postgres, a worker and the API on this machine (data in {where}) ...")
    begun = asyncio.get_running_loop().time()
    async with EmbeddedStack(config, on_event=lambda event: _tell(event, stage)) as stack:
        stage.aside(f"all ready after {asyncio.get_running_loop().time() - begun:.1f} s", "green")
        yield stack


def _tell(event: Event, stage: Stage) -> None:
    if isinstance(event, Ready):
        stage.aside(f"{event.service} ready ({event.seconds:.1f} s)", "dim")
    elif isinstance(event, Died):
        stage.aside(f"{event.service} died ({event.cause}):\n{event.tail}", "bold red")


def _config(data_dir: Path, stage: Stage, *, ephemeral: bool) -> StackConfig:
    usual = StackConfig()
    ports = [
        _port(wish, stage, quiet=ephemeral)
        for wish in (
            PortWish("API", "--api-port", usual.api_port),
            PortWish("Temporal", "--temporal-port", usual.temporal_port),
            PortWish("Temporal Web UI", "--ui-port", usual.ui_port),
        )
    ]
    return StackConfig(
        data_dir=data_dir,
        ephemeral=ephemeral,
        api_port=ports[0],
        temporal_port=ports[1],
        ui_port=ports[2],
        env=PARTNER_ENVIRONMENT,
    )


def _port(wish: PortWish, stage: Stage, *, quiet: bool) -> int:
    try:
        settle_ports([wish])
    except PortTakenError:
        if not quiet:
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
