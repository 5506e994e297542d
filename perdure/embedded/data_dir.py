"""The data directory of an embedded stack: its layout, its lock, its removal; used by the stack."""

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.error import DataDirError
from perdure.embedded.info import LOCK_FILE, remove_info

# `find_running` holds the lock for a moment while it looks: wait that out before refusing.
_LOCK_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class DataDir:
    """A locked data directory. Everything below it was made by the stack, for its owner only."""

    path: Path
    ephemeral: bool
    lock: int  # the descriptor that holds the lock until it is closed

    @property
    def secret(self) -> Path:
        return self.path / "secret"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def temporal(self) -> Path:
        return self.path / "temporal"

    @property
    def postgres(self) -> Path:
        """The directory, or a symbolic link to one, of Postgres (`postgres_place`)."""
        return self.path / "postgres"

    def close(self) -> None:
        """Let go of the lock; an ephemeral directory is removed before."""
        if self.ephemeral:
            if self.postgres.is_symlink():
                shutil.rmtree(self.postgres.resolve(), ignore_errors=True)
            shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self.lock)


def open_data_dir(path: Path, *, ephemeral: bool = False) -> DataDir:
    """Make `path` (or, ephemeral, a temporary directory) and lock it.

    Raises DataDirError when it is in use, belongs to another user, or cannot be made.
    """
    where = Path(tempfile.gettempdir(), f"perdure-{secrets.token_hex(6)}") if ephemeral else path
    where = Path(os.path.abspath(where))  # noqa: PTH100 (keep symlinks as the user has them)
    try:
        _make(where, new=ephemeral)
        _check_owner(where)
        data = DataDir(where, ephemeral, _lock(where))
        for folder in (data.secret, data.log, data.temporal):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DataDirError(
            f"The data directory {where} cannot be used: {error.strerror or error}. Choose another one with --data-dir."
        ) from error
    return data


def _make(where: Path, *, new: bool) -> None:
    # As root, Postgres may have to run under another account and pass through (not read) this directory.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        where.mkdir(mode=mode, parents=True)
    except FileExistsError:
        if new or not where.is_dir():
            raise
    else:
        where.chmod(mode)  # whatever the umask took away
        (where / ".gitignore").write_text("*\n")  # it holds keys: not for anybody's repository


def _check_owner(where: Path) -> None:
    with suppress(FileNotFoundError):
        owner = (where / LOCK_FILE).stat().st_uid
        if owner != os.geteuid():
            raise DataDirError(
                f"The data directory {where} belongs to the stack of another user (uid {owner}; you are uid "
                f"{os.geteuid()}). Start it as that user, or choose another one with --data-dir."
            )


def _lock(where: Path) -> int:
    descriptor = os.open(where / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                os.close(descriptor)
                raise DataDirError(
                    f"The data directory {where} is in use by the embedded stack with pid {holder}. "
                    f"Stop that one (kill {holder}), or choose another directory with --data-dir."
                ) from None
            time.sleep(0.05)
    remove_info(where)  # before the pid: see `find_running`
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
