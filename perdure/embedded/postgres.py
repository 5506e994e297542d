"""The embedded Postgres as a service: made once, started without TCP, found ready; used by the stack."""

import hashlib
import re
import shutil
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from perdure.embedded.child import Launch, StopStep, run_once
from perdure.embedded.error import DataDirError, ServiceFailedError
from perdure.embedded.postgres_place import PostgresPlace
from perdure.embedded.process import end_leftovers

ROLE = "perdure"
DATABASE = "perdure"
# Fast, and as durable as the defaults: fsync and synchronous_commit stay on.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "minimal",  # nobody replicates from it
    "max_wal_senders": "0",
    "checkpoint_timeout": "15min",
    "max_connections": "200",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103  # bytes; 107 on Linux, 103 on macOS
_SOCKET_SAFE = re.compile(rb"[A-Za-z0-9/._-]+")  # clients split and decode other characters
_STATUS_LINE = 7  # of postmaster.pid: "starting", "ready", ...


@dataclass(frozen=True, slots=True)
class Postgres:
    """A `perdure.embedded.supervisor.Service`. One role owns one database; nobody can log in as superuser."""

    data_dir: Path
    place: PostgresPlace
    version: str
    password: str
    environment: Mapping[str, str]
    log: Path
    name: str = "Postgres"
    stop_steps: tuple[StopStep, ...] = (
        StopStep(signal.SIGINT, 15),  # fast shutdown: sessions end, a checkpoint is written
        StopStep(signal.SIGQUIT, 5),  # immediate: recovered at the next start
    )

    @property
    def data(self) -> Path:
        return self.place.home / "data"

    @property
    def socket_dir(self) -> Path:
        """In `home`, or, where a client could not use that path, in a temporary directory."""
        home = self.place.home
        name = f"perdure-{hashlib.sha256(bytes(home)).hexdigest()[:12]}"
        paths = (home / "socket", Path(tempfile.gettempdir(), name), Path("/tmp", name))  # noqa: S108 (made 0700)
        return next(filter(_fits_a_socket, paths), paths[-1])

    @property
    def url(self) -> str:
        """SQLAlchemy URL for the user who runs the stack."""
        return f"postgresql+asyncpg://{ROLE}:{self.password}@/{DATABASE}?host={quote(str(self.socket_dir))}"

    def launch(self) -> Launch:
        settings = {**_SETTINGS, "unix_socket_directories": f'"{self.socket_dir}"'}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._launch("postgres", "-D", str(self.data), *options)

    async def prepare(self) -> None:
        """Make the database once; clear what a predecessor that was killed left behind."""
        await end_leftovers(self.data_dir, postgres_only=True)
        if not self.data.exists():
            await self._create()
        self._check_version()
        self._prepare_socket_dir()
        # No process of an earlier start is left, so these locks are stale. Postgres would think them live if
        # another program has their pid by now.
        for lock in (self.data / "postmaster.pid", self.socket_dir / f"{_SOCKET_NAME}.lock"):
            lock.unlink(missing_ok=True)

    async def probe(self, pid: int) -> str | None:
        """Return None once it takes connections, as `pg_ctl` finds out."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return "it has not begun"
        if len(lines) <= _STATUS_LINE or int(lines[0]) != pid:
            return "it has not begun"
        status = lines[_STATUS_LINE].strip()
        return None if status == "ready" else f"it is {status}"

    def remove_socket_dir(self) -> None:
        """Remove the socket directory, after the stop."""
        shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _launch(self, program: str, *arguments: str) -> Launch:
        return Launch(
            argv=(str(self.place.bin / program), *arguments),
            env=self.environment,
            cwd=self.place.home,
            log=self.log,
            death_signal=signal.SIGQUIT,  # the whole of Postgres goes at once, in order
            become=self.place.become,
        )

    async def _create(self) -> None:
        """Make the cluster under another name, and give it its own when it is whole."""
        partial = self.place.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        options = ("-U", "postgres", "--auth=reject", "--no-instructions", *locale)
        initdb = self._launch("initdb", "-D", str(partial), *options)
        await run_once(initdb, "making the Postgres data directory")
        (partial / "pg_hba.conf").write_text(f"local {DATABASE} {ROLE} scram-sha-256\n")
        await self._create_database(partial)
        partial.rename(self.data)

    async def _create_database(self, partial: Path) -> None:
        script = partial / "create.sql"
        script.touch(mode=0o600)
        script.write_text(
            f"CREATE ROLE {ROLE} LOGIN CREATEROLE PASSWORD '{self.password}';\n"
            f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n"
        )
        launch = replace(self._launch("postgres", "--single", "-D", str(partial), "postgres"), stdin=script)
        output = await run_once(launch, "making the Postgres database")
        if "ERROR:" in output:  # in this mode errors do not show in the exit code
            raise ServiceFailedError(f"making the Postgres database failed:\n{output}")
        script.unlink()

    def _check_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != self.version.partition(".")[0]:
            raise DataDirError(
                f"The data in {self.data} were made by Postgres {made_by}, but {self.version} is installed. "
                "Dump them with the old version's pg_dump, or start with another --data-dir."
            )

    def _prepare_socket_dir(self) -> None:
        self.place.make_dir(self.socket_dir)
        status = self.socket_dir.lstat()
        if self.socket_dir.is_symlink() or status.st_uid != self.place.owner[0] or status.st_mode & 0o077:
            raise ServiceFailedError(
                f"{self.socket_dir}, where Postgres' socket goes, was made by somebody else. Remove it."
            )


def _fits_a_socket(directory: Path) -> bool:
    path = bytes(directory / _SOCKET_NAME)
    return len(path) <= _SOCKET_PATH_LIMIT and _SOCKET_SAFE.fullmatch(path) is not None
