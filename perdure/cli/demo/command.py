"""`perdure demo`: puts the parts together, keeps the time, and turns the outcome into an exit code."""

import asyncio
import secrets
from pathlib import Path
from typing import Annotated

import typer

from perdure.cli import screen
from perdure.cli.demo import closing
from perdure.cli.demo.host import Host, host
from perdure.cli.demo.partner import Partner
from perdure.cli.demo.play import Theatre, play
from perdure.cli.demo.stage import Stage
from perdure.cli.demo.story import SCENARIOS
from perdure.cli.exit_code import ExitCode
from perdure.client import ClientError
from perdure.embedded.config import DEFAULT_DATA_DIR
from perdure.embedded.error import StackError
from perdure.embedded.interruption import interruptible

TIME_LIMIT = 180.0
"""Seconds for all of it, the start of the stack included."""


def demo(
    data_dir: Annotated[
        Path, typer.Option("--data-dir", help="Data of the stack: one that runs there is used, else started.")
    ] = DEFAULT_DATA_DIR,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running at the end, until Ctrl-C.")] = False,
) -> None:
    """Run real jobs on a real Temporal and a real Postgres, show them live, and check what happened.

    Starts what it needs, needs no network, and exits 0 only if everything was as it should be.
    """
    raise typer.Exit(asyncio.run(Demo(Stage(screen.results()), data_dir, keep=keep).run()))


def _nothing() -> None:
    pass


class Demo:
    """One run of the demo."""

    def __init__(self, stage: Stage, data_dir: Path, *, keep: bool) -> None:
        self._stage = stage
        self._data_dir = data_dir
        self._keep = keep
        self._verdict: int | None = None
        self._hurry = _nothing

    async def run(self) -> int:
        """Run it and return the exit code; Ctrl-C and SIGTERM end it in order, so that no process is left."""
        with interruptible(lambda: self._hurry()) as interruption:  # noqa: PLW0108 - which one, only then
            try:
                return await self._guarded()
            except asyncio.CancelledError:
                if interruption.by is None:
                    raise
                self._stage.say("Stopped.")
                # Ctrl-C is how a stack that was kept is meant to end
                return 128 + interruption.by if self._verdict is None else self._verdict

    async def _guarded(self) -> int:
        try:
            return await self._in_time()
        except TimeoutError:
            self._stage.say(f"The demo did not end within {TIME_LIMIT:g} s.", "bold red")
        except (StackError, ClientError) as error:
            self._stage.say(f"The demo cannot go on: {error}", "bold red")
        self._stage.say(f"Logs, if it came so far: {self._data_dir / 'log'}")
        return ExitCode.FAILED

    async def _in_time(self) -> int:
        self._stage.say("Perdure demo: real jobs, on a real Temporal server and a real Postgres.", "bold")
        self._stage.say("A small HTTP server plays the partner that the jobs call; it counts every call.")
        with Partner() as partner:
            async with asyncio.timeout(TIME_LIMIT) as limit, host(self._data_dir, partner, self._stage) as stack:
                if stack.stack is not None:
                    self._hurry = stack.stack.hurry
                self._verdict = await self._play_all(stack, partner)
                if self._keep and stack.stack is not None:
                    limit.reschedule(None)
                    await stack.stack.watch()
        return self._verdict

    async def _play_all(self, stack: Host, partner: Partner) -> ExitCode:
        outcomes: list[closing.Outcome] = []
        async with stack.client() as client:
            theatre = Theatre(client, partner, self._stage, stack.info.temporal_address, secrets.token_hex(3))
            for number, scenario in enumerate(SCENARIOS, 1):
                self._stage.heading(number, len(SCENARIOS), scenario)
                played, checks = await play(scenario, theatre)
                self._stage.checks(checks)
                outcomes.append((scenario, played, checks))
        held = closing.verdict(outcomes, partner, stack, self._stage)
        closing.farewell(outcomes, stack, self._stage, keep=self._keep)
        return ExitCode.OK if held else ExitCode.FAILED
