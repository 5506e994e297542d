"""The real `temporal` command line tool, which brings the parked job home; the line is shown as it is run."""

import asyncio
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.binary import find_binaries

DEFAULT_ADDRESS = "127.0.0.1:7233"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A program with arguments, to be shown and run."""

    argv: Sequence[str]

    def __str__(self) -> str:
        program, *arguments = self.argv
        return shlex.join([_short(Path(program)), *arguments])

    async def run(self) -> str | None:
        """Run it; what it complained of, or None."""
        process = await asyncio.create_subprocess_exec(
            *self.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=_environment(),
        )
        output, _ = await process.communicate()
        return None if process.returncode == 0 else output.decode("utf-8", "replace").strip()


def retry_signal(address: str, workflow_id: str) -> CommandLine:
    """What sends the signal `retry` to a job.

    Raises:
        MissingPartError: there is no `temporal` on this machine.
    """
    temporal = find_binaries().temporal
    where = [] if address == DEFAULT_ADDRESS else ["--address", address]
    return CommandLine([str(temporal), "workflow", "signal", *where, "--workflow-id", workflow_id, "--name", "retry"])


def _environment() -> dict[str, str]:
    """The user's environment without profiles that would lead the tool to another Temporal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    return {**kept, "TEMPORAL_CONFIG_FILE": os.devnull}


def _short(program: Path) -> str:
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)
