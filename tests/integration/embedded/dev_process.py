"""A stack run by a process of its own, as `perdure dev` runs it; for the tests of this folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import psutil

from perdure.embedded.binary import find_binaries
from perdure.embedded.info import StackInfo, find_running

T = TypeVar("T")
ROOT = Path(__file__).parents[3]
_RUN = Path(__file__).with_name("run_stack.py")


def python_environment() -> dict[str, str]:
    """With which any Python of this version finds what this one finds."""
    scripts = str(find_binaries().temporal.parent)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), *sys.path))),
        "PATH": os.pathsep.join((os.environ["PATH"], scripts)),
    }


def eventually(look: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Return what `look` finds, looking until it is something true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


class DevProcess:
    """`data_dir` must be the test's own. Leaving it stops the stack by SIGTERM, and kills what is left."""

    def __init__(
        self,
        data_dir: Path,
        *,
        prefix: Sequence[str] = (),
        python: str = sys.executable,
        settings: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.data_dir = data_dir
        self._output = data_dir.parent / f"{data_dir.name}.{time.monotonic_ns()}.out"
        command = [*prefix, python, str(_RUN), json.dumps({"data_dir": str(data_dir), **settings})]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=python_environment(),
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                self.end(signal.SIGTERM)
        finally:
            for process in [*self.processes(), *self._own()]:
                process.kill()
            self.process.wait(60)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def ready(self) -> StackInfo:
        """Wait until it is ready."""

        def look() -> StackInfo | None:
            assert self.process.poll() is None, self.output
            return find_running(self.data_dir)

        return eventually(look, "the stack is ready")

    def end(self, number: signal.Signals, seconds: float = 60.0) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def processes(self) -> list[psutil.Process]:
        """Every process of this stack but the supervisor."""
        return [process for process in psutil.process_iter() if _belongs(process, str(self.data_dir))]

    def log(self, name: str) -> str:
        return (self.data_dir / "log" / f"{name}.log").read_text()

    def _own(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid)] if self.process.poll() is None else []


def _belongs(process: psutil.Process, data_dir: str) -> bool:
    """By what can be seen of it: command line, working directory or environment speak of the data directory."""
    try:
        words = [*process.cmdline()[1:], process.cwd(), *process.environ().values()]
        own = "run_stack.py" in " ".join(process.cmdline())
    except psutil.Error:
        return False
    return not own and any(data_dir in word for word in words)
