"""Under which identity Postgres runs, and where its files lie so that this identity reaches them.

Used by the stack. Postgres refuses to run as root. As an ordinary user it simply runs. As root it runs, in
this order of preference, in a user namespace of its own (root outside, `nobody` inside: it reaches what root
reaches) or, where user namespaces are forbidden, as the account `nobody`, its files and if need be a copy of
the binaries moved to where that account can reach them. Only files made here ever change owner or mode.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from perdure.embedded.binary import Binaries
from perdure.embedded.error import ServiceFailedError

_SHIM = Path(__file__).with_name("exec_shim.py")
_ACCOUNTS = ("nobody", "daemon")
_SHARED = Path("/var/lib/perdure")  # of root, for accounts that do not reach the data directory
_PROBE_TIMEOUT = 20
_REACHES = 'cd "$1" && [ -w . ]'
_RUNS = '"$1" --version'


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """`home` holds everything of this Postgres; `become` is for the shim; `owner` owns the files."""

    home: Path
    bin: Path
    become: str
    owner: tuple[int, int]

    @property
    def description(self) -> str:
        """How it runs, for people."""
        return {
            "self": "as the user who started it",
            "namespace": "in a user namespace",
            "account": f"as uid {self.owner[0]}",
        }[self.become.partition(":")[0]]

    def make_dir(self, path: Path) -> None:
        """Make a directory that only this Postgres (and root) enters; one that is there stays as it is."""
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            os.chown(path, *self.owner)


def choose_place(home: Path, binaries: Binaries) -> PostgresPlace:
    """Return how Postgres can run with its files in `home` (made here, or by an earlier start).

    Blocks for some tenths of a second as root. Raises ServiceFailedError when there is no way.
    """
    home.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = (os.geteuid(), os.getegid())
    if mine[0] != 0:
        return PostgresPlace(home.resolve(), binaries.postgres / "bin", "self", mine)
    account = _unprivileged_account()
    ids = f"{account.pw_uid}:{account.pw_gid}"
    namespace = PostgresPlace(home.resolve(), binaries.postgres / "bin", f"namespace:{ids}", mine)
    refusal = _take(namespace)
    if refusal is None:
        return namespace
    place = _as_account(home, binaries, account)
    if (other_refusal := _take(place)) is not None:
        raise ServiceFailedError(
            "Postgres does not run as root, and here neither in a user namespace "
            f"({refusal}) nor as the account {account.pw_name} ({other_refusal}). "
            "Start the stack as an ordinary user."
        )
    return place


def _unprivileged_account() -> pwd.struct_passwd:
    for name in _ACCOUNTS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServiceFailedError(
        f"Postgres does not run as root, and there is no account {' or '.join(_ACCOUNTS)} it could run as. "
        "Start the stack as an ordinary user."
    )


def _take(place: PostgresPlace) -> str | None:
    """Hand `home` to the identity; return None, or why it cannot work there."""
    _hand_over(place)
    return _refusal(place, _REACHES, place.home) or _refusal(place, _RUNS, place.bin / "postgres")


def _as_account(home: Path, binaries: Binaries, account: pwd.struct_passwd) -> PostgresPlace:
    owner = (account.pw_uid, account.pw_gid)
    place = PostgresPlace(home.resolve(), binaries.postgres / "bin", f"account:{owner[0]}:{owner[1]}", owner)
    _hand_over(place)
    if _refusal(place, _REACHES, place.home):
        place = PostgresPlace(_move_out(home), place.bin, place.become, owner)
    if _refusal(place, _RUNS, place.bin / "postgres"):
        place = PostgresPlace(place.home, _copy_binaries(binaries) / "bin", place.become, owner)
    return place


def _hand_over(place: PostgresPlace) -> None:
    """Earlier starts may have run under another identity: what they made goes to this one."""
    paths = (Path(root, name) for root, dirs, files in os.walk(place.home) for name in (*dirs, *files))
    for path in (place.home, *paths):
        if path.lstat().st_uid != place.owner[0]:
            os.chown(path, *place.owner, follow_symlinks=False)


def _refusal(place: PostgresPlace, script: str, argument: Path) -> str | None:
    shell = ("--", "/bin/sh", "-c", script, "sh", str(argument))
    command = (sys.executable, "-I", "-S", str(_SHIM), str(os.getpid()), "9", place.become, *shell)
    try:
        tried = subprocess.run(  # noqa: S603 (our own program)
            command, cwd="/", capture_output=True, text=True, timeout=_PROBE_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PROBE_TIMEOUT} s"
    return None if tried.returncode == 0 else tried.stderr.strip()[-300:] or f"no access to {argument}"


def _move_out(home: Path) -> Path:
    """Move `home` to where any account may pass, leaving a symbolic link."""
    _make_shared()
    away = Path(tempfile.mkdtemp(prefix="postgres-", dir=_SHARED))
    away.rmdir()
    shutil.move(home.resolve(), away)
    if home.is_symlink():
        home.unlink()
    home.symlink_to(away)
    return away


def _copy_binaries(binaries: Binaries) -> Path:
    _make_shared()
    copy = _SHARED / f"postgres-{binaries.postgres_version}"
    if not copy.is_dir():
        partial = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=_SHARED))
        shutil.copytree(binaries.postgres, partial, dirs_exist_ok=True)
        for path in (partial, *partial.rglob("*")):
            mode = path.lstat().st_mode
            if not path.is_symlink():
                path.chmod(mode | (0o555 if mode & 0o100 else 0o444))  # dirs and programs: pass, run
        with suppress(OSError):  # another start was faster
            partial.rename(copy)
        shutil.rmtree(partial, ignore_errors=True)
    return copy


def _make_shared() -> None:
    with suppress(FileExistsError):
        _SHARED.mkdir(parents=True)
        _SHARED.chmod(0o755)  # whatever the umask took away
    if _SHARED.stat().st_uid != 0:
        raise ServiceFailedError(f"{_SHARED} is not root's: it cannot hold Postgres for the stack of root.")
