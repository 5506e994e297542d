"""One child process of the stack: started through the shim, logged to a file, stopped in steps.

Used by the supervisor for services and by their preparation for one-off commands.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from perdure.embedded.error import ServiceFailedError
from perdure.embedded.event import describe_status

_SHIM = Path(__file__).with_name("exec_shim.py")
_LOG_LIMIT = 16 * 1024 * 1024  # bytes; a longer log is set aside when its service starts
_TAIL_BYTES = 16 * 1024
_TAIL_LINES = 15
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[^\x20-\x7e\n\t\u00a0-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a program. `argv[0]` is an absolute path; `become` is for the shim (`postgres_place`)."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    stdin: Path = Path(os.devnull)
    death_signal: signal.Signals = signal.SIGKILL  # sent by the kernel when the stack's own process dies
    become: str = "self"


@dataclass(frozen=True, slots=True)
class StopStep:
    """Send `signal`, then wait up to `grace` seconds."""

    signal: signal.Signals
    grace: float


@dataclass(slots=True)
class Child:
    """A running or ended process. Its pid is that of the program itself: the shim becomes it."""

    process: asyncio.subprocess.Process
    log: Path
    log_start: int
    _exit: asyncio.Task[int] = field(init=False)

    def __post_init__(self) -> None:
        self._exit = asyncio.create_task(self._reap())

    @classmethod
    async def start(cls, launch: Launch) -> Self:
        """Start it in a session of its own, so that the terminal's Ctrl-C does not reach it."""
        log, size = _open_log(launch.log)
        stdin = os.open(launch.stdin, os.O_RDONLY)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_SHIM)),
                *(str(os.getpid()), str(int(launch.death_signal)), launch.become, "--", *launch.argv),
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=launch.cwd,
                env=dict(launch.env),
                start_new_session=True,
            )
        finally:
            os.close(log)
            os.close(stdin)
        return cls(process, launch.log, size)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def ended(self) -> bool:
        return self._exit.done()

    async def wait(self) -> int:
        """Return the exit status (negative: the signal)."""
        return await asyncio.shield(self._exit)

    def tail(self) -> str:
        """Return the last lines it logged since it was started, without control characters."""
        with self.log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self.log_start, end - _TAIL_BYTES))
            text = _ESCAPE.sub("", file.read().decode("utf-8", errors="replace"))
        return "\n".join(text.rstrip().splitlines()[-_TAIL_LINES:])

    async def stop(self, steps: Sequence[StopStep], hurry: asyncio.Event) -> bool:
        """Take the steps until it ends, then kill what is left of it. `hurry` cuts the graces short.

        Returns whether it had to be killed.
        """
        hurried = asyncio.create_task(hurry.wait())
        try:
            for step in steps:
                if self._exit.done() or hurried.done():
                    break
                self._signal(step.signal)
                ends = {self._exit, hurried}
                await asyncio.wait(ends, timeout=step.grace, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()
        forced = not self._exit.done()
        await self.kill()
        return forced

    async def kill(self) -> None:
        """Kill it and its process group, and wait until it is gone. It may have ended before."""
        if not self._exit.done():
            self._kill_group()
        await self.wait()

    async def _reap(self) -> int:
        status = await self.process.wait()
        self._kill_group()  # what it started and left; at once, while the number is still its group's
        return status

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


def with_tail(reason: str, tail: str) -> str:
    """Return the reason with the last words of the process below it, if it had any."""
    return f"{reason}:\n{tail}" if tail else f"{reason}."


async def run_once(launch: Launch, what: str) -> str:
    """Run a program to its end and return the tail of its output; cancelled, it is killed.

    Raises ServiceFailedError with the tail of its output when it does not exit 0.
    """
    child = await Child.start(launch)
    try:
        status = await child.wait()
    finally:
        await child.kill()
    if status != 0:
        cause = describe_status(status)
        raise ServiceFailedError(with_tail(f"{what} failed ({cause})", child.tail()))
    return child.tail()


def _open_log(path: Path) -> tuple[int, int]:
    with suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return descriptor, os.fstat(descriptor).st_size
