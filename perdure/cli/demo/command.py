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
from perdure.embedded.binary import find_binaries
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
    code = asyncio.run(_until_stopped(Stage(screen.results()), data_dir, keep=keep))
    if code != ExitCode.OK:
        raise typer.Exit(code)


async def _until_stopped(stage: Stage, data_dir: Path, *, keep: bool) -> int:
    """Run the demo; Ctrl-C and SIGTERM end it in order, so that no process is left."""
    with interruptible(hurry=lambda: None) as interruption:
        try:
            return await _demo(stage, data_dir, keep=keep)
        except asyncio.CancelledError:
            if interruption.by is None:
                raise
            return 128 + interruption.by


async def _demo(stage: Stage, data_dir: Path, *, keep: bool) -> int:
    stage.say("Perdure demo: real jobs, on a real Temporal server and a real Postgres.", "bold")
    stage.say("A small HTTP server beside them plays the partner that the jobs call; it counts every call.")
    try:
        with Partner() as partner:
            async with asyncio.timeout(TIME_LIMIT) as limit, host(data_dir, partner, stage) as stack:
                good = await _play_all(stack, partner, stage, keep=keep)
                if keep and stack.stack is not None:
                    limit.reschedule(None)
                    await stack.stack.watch()
                return ExitCode.OK if good else ExitCode.FAILED
    except TimeoutError:
        stage.say(f"The demo did not end within {TIME_LIMIT:g} s. Logs: {data_dir / 'log'}", "bold red")
    except (StackError, ClientError) as error:
        stage.say(f"The demo cannot go on: {error}", "bold red")
        stage.say(f"Logs, if it came so far: {data_dir / 'log'}")
    return ExitCode.FAILED


async def _play_all(stack: Host, partner: Partner, stage: Stage, *, keep: bool) -> bool:
    outcomes: list[closing.Outcome] = []
    async with stack.client() as client:
        theatre = Theatre(
            client=client,
            partner=partner,
            stage=stage,
            temporal=find_binaries().temporal,
            temporal_address=stack.info.temporal_address,
            run=secrets.token_hex(3),
        )
        for number, scenario in enumerate(SCENARIOS, 1):
            stage.heading(number, len(SCENARIOS), scenario)
            played, checks = await play(scenario, theatre)
            stage.checks(checks)
            outcomes.append((scenario, played, checks))
    closing.summary(outcomes, stage)
    all_checks = [
        *(check for _, _, checks in outcomes for check in checks),
        *closing.overall(outcomes, partner),
    ]
    stage.checks(all_checks[-1:])
    closing.misses(all_checks, stack, stage)
    closing.farewell(stack, outcomes, stage, keep=keep)
    return all(check.held for check in all_checks)
