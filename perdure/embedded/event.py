"""What the embedded stack tells while it works; made by the supervisor, shown by `perdure dev`."""

import signal
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ready:
    """`service` is up, or the migrations are through, `seconds` after the start of it."""

    service: str
    seconds: float
    pid: int | None = None  # None: the migrations
    again: bool = False  # restarted after a death


@dataclass(frozen=True, slots=True)
class Died:
    """`service` ended unasked. `status` is as subprocess has it: negative, the signal that killed it."""

    service: str
    pid: int
    status: int
    tail: str
    restart_in: float | None  # seconds; None: it is not restarted

    @property
    def cause(self) -> str:
        return describe_status(self.status)


@dataclass(frozen=True, slots=True)
class Stopping:
    """The stop begins; each service that ran is told as it ends."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """`service` was stopped; `forced` when it had to be killed."""

    service: str
    seconds: float
    forced: bool


Event = Ready | Died | Stopping | Stopped
Listener = Callable[[Event], None]


def describe_status(status: int) -> str:
    """Return "exit code 3" or "killed by SIGKILL"."""
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
