"""`perdure dev`: the embedded stack in the foreground until it is stopped; registered by `perdure.cli.main`."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

import perdure
from perdure.cli.exit_code import ExitCode
from perdure.cli.screen import messages, results
from perdure.embedded.config import DEFAULT_DATA_DIR, StackConfig, application_root
from perdure.embedded.error import ServiceFailedError, StackError
from perdure.embedded.event import Died, Event, Ready, Stopped
from perdure.embedded.interruption import interruptible
from perdure.embedded.stack import EmbeddedStack

_EXAMPLE = Path("examples", "hello.json")
_DEFAULTS = StackConfig()
_KILLED_LINES = 3
_LINE_LENGTH = 200


def _port(what: str, default: int) -> object:
    text = f"Port of {what}; 0 = a free one. (default: {default}; with --ephemeral: 0)"
    return typer.Option(min=0, max=65535, show_default=False, help=text)


def _submit_example() -> str:
    """The example of the checkout one stands in, or the one that came with the package."""
    return f"perdure jobs submit {_EXAMPLE if _EXAMPLE.is_file() else application_root() / _EXAMPLE}"


def dev(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where data, logs and keys are kept between runs (default: .perdure)", show_default=False),
    ] = None,
    api_port: Annotated[int | None, _port("the API", _DEFAULTS.api_port)] = None,
    temporal_port: Annotated[int | None, _port("Temporal", _DEFAULTS.temporal_port)] = None,
    ui_port: Annotated[int | None, _port("the Temporal Web UI", _DEFAULTS.ui_port)] = None,
    *,
    ephemeral: Annotated[
        bool,
        typer.Option("--ephemeral", help="A temporary data directory, removed at the end, and free ports."),
    ] = False,
) -> None:
    """Run Temporal, Postgres, worker and API on this machine until Ctrl-C."""
    if ephemeral and data_dir is not None:
        raise typer.BadParameter("--ephemeral has a data directory of its own: leave out --data-dir")

    def port(given: int | None, default: int) -> int:
        return given if given is not None else 0 if ephemeral else default

    config = StackConfig(
        data_dir=data_dir or DEFAULT_DATA_DIR,
        ephemeral=ephemeral,
        api_port=port(api_port, _DEFAULTS.api_port),
        temporal_port=port(temporal_port, _DEFAULTS.temporal_port),
        ui_port=port(ui_port, _DEFAULTS.ui_port),
    )
    raise typer.Exit(asyncio.run(_run(config, _Screen(results()))))


async def _run(config: StackConfig, screen: "_Screen") -> ExitCode:
    stack = EmbeddedStack(config, screen.tell)
    with interruptible(stack.hurry) as interruption:
        try:
            screen.line(f"Perdure {perdure.__version__}: starting the embedded stack", style="bold")
            async with stack:
                screen.running(stack)
                await stack.watch()
        except asyncio.CancelledError:
            if interruption.by is None:
                raise
            screen.line("Stopped. " + ("" if config.ephemeral else f"The data are kept in {config.data_dir}."))
        except StackError as error:
            with suppress(OSError):
                messages().print(Text(f"perdure dev: {error}{_logs(stack, error)}", "red"), soft_wrap=True)
            return ExitCode.FAILED
    return ExitCode.OK


class _Screen:
    """What `perdure dev` says. A terminal that went away must not keep the stack from stopping."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, text: str = "", style: str = "") -> None:
        with suppress(OSError):
            self._console.print(Text(text, style), soft_wrap=True)

    def tell(self, event: Event) -> None:
        match event:
            case Ready(service, seconds, pid, again):
                done = "ready again" if again else "done" if pid is None else "ready"
                self.line(f"  {service:<12}{done} after {seconds:.1f} s" + (f", pid {pid}" if again else ""))
            case Died():
                self._died(event)
            case Stopped(service, seconds, forced):
                self.line(f"  {service:<12}{'killed' if forced else 'stopped'} after {seconds:.1f} s")
            case _:
                self.line("Stopping ...", style="bold")

    def running(self, stack: EmbeddedStack) -> None:
        """The table of what runs where, and what to do next."""
        info, where = stack.info, stack.data.path
        place = stack.plan.postgres
        rows = (
            ("dashboard", info.dashboard_url, "log in with the admin key"),
            ("API", f"{info.api_url}/docs", f"pid {info.pids.api}"),
            ("worker", "", f"pid {info.pids.worker}"),
            ("Temporal", info.temporal_address, f"pid {info.pids.temporal}"),
            ("  Web UI", info.temporal_ui_url, ""),
            (
                "Postgres",
                f"socket in {place.socket_dir}",
                f"pid {info.pids.postgres}, {place.place.description}",
            ),
        )
        width = max(len(row[1]) for row in rows) + 2
        self.line()
        for name, address, pid in rows:
            self.line(f"  {name:<12}{address:<{width}}{pid}".rstrip())
        self.line()
        self.line(f"  data        {where}")
        self.line(f"  logs        {where / 'log'}")
        self.line(f"  admin key   {info.admin_api_key_file}")
        self.line(f"  first job   {_first_command(stack)}")
        self.line()
        self.line("Ready. Ctrl-C stops everything.", style="bold green")

    def _died(self, event: Died) -> None:
        then = "not restarted" if event.restart_in is None else f"restarting in {event.restart_in:g} s"
        self.line(f"{event.service} died ({event.cause}, pid {event.pid}); {then}.", style="yellow")
        # What was killed from outside has nothing to say about it.
        lines = event.tail.splitlines() if event.status > 0 else event.tail.splitlines()[-_KILLED_LINES:]
        for line in lines:
            self.line(f"  | {line[:_LINE_LENGTH]}{' …' if len(line) > _LINE_LENGTH else ''}", style="dim")


def _logs(stack: EmbeddedStack, error: StackError) -> str:
    return f"\nLogs: {stack.log_dir}" if isinstance(error, ServiceFailedError) and stack.log_dir else ""


def _first_command(stack: EmbeddedStack) -> str:
    info = stack.info
    if stack.data.path == Path(os.path.abspath(DEFAULT_DATA_DIR)):  # noqa: PTH100 (where the CLI looks by itself)
        return _submit_example()
    key = f'PERDURE_API_KEY="$(cat {info.admin_api_key_file})"'
    return f"{key} {_submit_example()} --server {info.api_url}"
