"""`stack.json`: every address, pid and the admin key's path of a running stack.

Written by the stack when all is ready; read by the CLI and the demo to find it.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from perdure.contract.model import Model

fcntl: Any
try:
    import fcntl
except ModuleNotFoundError:  # Windows: the command line works there, the embedded stack does not
    fcntl = None

STACK_FILE = "stack.json"
LOCK_FILE = "lock"


class Pids(Model):
    """The pids of the real processes."""

    api: int
    worker: int
    temporal: int
    postgres: int


class StackInfo(Model):
    """What `stack.json` says. `database_url` holds the password, so the file is for its owner only (0600)."""

    api_url: str
    dashboard_url: str
    worker_url: str | None = None
    """Of the worker's /livez, /readyz and /metrics."""
    temporal_address: str
    temporal_ui_url: str
    database_url: str
    admin_api_key_file: str
    pids: Pids


def write_info(data_dir: Path, info: StackInfo) -> None:
    """Write `stack.json` atomically: a reader sees the old one or the new one."""
    partial = data_dir / f".{STACK_FILE}.{os.getpid()}"
    with suppress(FileNotFoundError):
        partial.unlink()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(info.model_dump_json(indent=2) + "\n")
    partial.replace(data_dir / STACK_FILE)


def remove_info(data_dir: Path) -> None:
    """Remove `stack.json`, if it is there."""
    (data_dir / STACK_FILE).unlink(missing_ok=True)


def find_running(data_dir: Path) -> StackInfo | None:
    """Return the stack that runs on `data_dir` and is ready, or None.

    None also when the files belong to another user. A `stack.json` left by a killed stack does not count: the
    lock on the data directory died with its process. Nor does it while another one starts there: that removes the
    file before it writes its own pid into the lock.
    """
    try:
        held = _held_by_living(data_dir / LOCK_FILE)
        return StackInfo.model_validate_json((data_dir / STACK_FILE).read_bytes()) if held else None
    except (OSError, ValueError):  # a ValidationError is one
        return None


def _held_by_living(path: Path) -> bool:
    """Whether somebody holds the lock, and whose pid is in it lives."""
    if fcntl is None:
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.kill(int(os.pread(descriptor, 32, 0)), 0)
        return True
    else:
        return False
    finally:
        os.close(descriptor)
