"""`python -m perdure.store.migrate`: bring the tables to the newest revision.

Safe to run from several processes at once, and when there is nothing to do.
"""

import asyncio
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from pydantic import ValidationError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.settings import Settings, setting_problems
from perdure.store.engine import create_engine, is_outage

_LOCK = 0x7065726475726501
"""Advisory lock: "perdure" and 1."""
_LIMIT_SECONDS = 3600.0
"""For one statement, waiting for another process's migration included."""
NEWEST = "head"


async def upgrade(engine: AsyncEngine, revision: str = NEWEST) -> tuple[str | None, str | None]:
    """Migrate up to `revision`, all or nothing. Returns the revisions before and after (None: no tables).

    Raises:
        OSError, TimeoutError, sqlalchemy.exc.SQLAlchemyError: Postgres is away or refused a statement.
    """
    async with engine.begin() as connection:
        return await connection.run_sync(_migrate, revision, down=False)


async def downgrade(engine: AsyncEngine, revision: str) -> tuple[str | None, str | None]:
    """Migrate down to `revision` (`base`: no tables); what they held is gone. Otherwise like `upgrade`."""
    async with engine.begin() as connection:
        return await connection.run_sync(_migrate, revision, down=True)


def _migrate(connection: Connection, revision: str, *, down: bool) -> tuple[str | None, str | None]:
    # A second process waits here and then finds nothing to do; the lock ends with the transaction.
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    before = _revision(connection)
    (command.downgrade if down else command.upgrade)(config, revision)
    return before, _revision(connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def _run(settings: Settings) -> str:
    engine = create_engine(settings, statement_seconds=_LIMIT_SECONDS)
    try:
        before, after = await upgrade(engine)
    finally:
        await engine.dispose()
    if before == after:
        return f"database is at revision {after}: nothing to do"
    return f"database migrated from {before or 'no tables'} to revision {after}"


def main() -> int:
    """Run, print one line, and return the exit code: 0, or 1 when Postgres cannot be used."""
    try:
        print(asyncio.run(_run(Settings())))  # noqa: T201 - the line this command is for
    except ValidationError as error:
        return _fail(setting_problems(error).strip())
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        problem = str(getattr(error, "orig", None) or error).splitlines()
        first = problem[0] if problem else type(error).__name__
        what = "Postgres cannot be reached" if is_outage(error) else "the migration failed"
        return _fail(f"{what} (PERDURE_DATABASE_URL): {first}")
    return 0


def _fail(line: str) -> int:
    print(f"perdure.store.migrate: {line}", file=sys.stderr)  # noqa: T201 - a command's error line
    return 1


if __name__ == "__main__":
    sys.exit(main())
