"""Looks at other processes: who holds a port, what a killed stack left behind; used by the stack."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from perdure.embedded.error import MissingPartError, StackError

try:
    import psutil
except ImportError:  # the extra `embedded` is not installed; `perdure jobs ...` works without
    psutil = None

OWNER_VARIABLE = "PERDURE_EMBEDDED_DATA_DIR"  # marks the children of a stack and what they start
_POLL = 0.02
_PATIENCE = 5.0  # seconds the dying may take before they are killed


def require_psutil() -> Any:
    """Return psutil. Raises MissingPartError."""
    if psutil is None:
        raise MissingPartError("psutil is not installed: pip install 'perdure[embedded]' (in a checkout: make setup).")
    return psutil


def port_holder(port: int) -> str:
    """Return " by pid 12 (name)" for the process listening on `port`, or "" where that cannot be known."""
    ps = require_psutil()
    with suppress(ps.Error, OSError):
        for connection in ps.net_connections(kind="tcp"):
            if connection.status == ps.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by pid {connection.pid} ({ps.Process(connection.pid).name()})"
    return ""


async def end_leftovers(data_dir: Path, *, postgres_only: bool = False) -> None:
    """Wait until no process of an earlier stack on `data_dir` is left; those that stay are killed after 5 s.

    To be called under the data directory's lock, when none of its services (of Postgres) should be running.
    Raises StackError when the killed do not go either.
    """
    began = time.monotonic()
    while left := list(_leftovers(data_dir, postgres_only=postgres_only)):
        if time.monotonic() - began > 2 * _PATIENCE:
            pids = ", ".join(str(process.pid) for process in left)
            raise StackError(f"Processes of an earlier stack on {data_dir} cannot be ended: pid {pids}.")
        if time.monotonic() - began > _PATIENCE:
            for process in left:
                _kill(process)
        await asyncio.sleep(_POLL)


def _leftovers(data_dir: Path, *, postgres_only: bool) -> Iterator[Any]:
    ps = require_psutil()
    spared = {os.getpid(), *(parent.pid for parent in ps.Process().parents())}
    mark, postgres_home = str(data_dir.resolve()), (data_dir / "postgres").resolve()
    for process in ps.process_iter():
        if process.pid in spared:
            continue
        # Postgres' own processes drop their environment, and work in its data directory.
        if _is_postgres(process, postgres_home) or (
            not postgres_only and _environment(process).get(OWNER_VARIABLE) == mark
        ):
            yield process


def _is_postgres(process: Any, home: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()).is_relative_to(home)
    except (require_psutil().Error, OSError):
        return False


def _environment(process: Any) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (require_psutil().Error, OSError):
        return {}


def _kill(process: Any) -> None:
    with suppress(require_psutil().Error, OSError):
        process.send_signal(signal.SIGKILL)
