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
_POLL_SECONDS = 0.2
NEWEST = "head"


async def upgrade(engine: AsyncEngine, revision: str = NEWEST) -> tuple[str | None, str | None]:
    """Migrate up to `revision`. Returns the revisions before and after (None: no tables).

    Each migration is applied whole or not at all, but for those that build on a live table without locking it:
    these can be run again from where they broke off.

    Raises:
        OSError, TimeoutError, sqlalchemy.exc.SQLAlchemyError: Postgres is away or refused a statement.
    """
    return await _alone(engine, revision, down=False)


async def downgrade(engine: AsyncEngine, revision: str) -> tuple[str | None, str | None]:
    """Migrate down to `revision` (`base`: no tables); what they held is gone. Otherwise like `upgrade`."""
    return await _alone(engine, revision, down=True)


async def _alone(engine: AsyncEngine, revision: str, *, down: bool) -> tuple[str | None, str | None]:
    async with engine.connect() as connection:
        # The lock belongs to the session, and whoever waits for it asks again and again: a statement that waited
        # would hold a snapshot, and an index that is built concurrently waits for all of those.
        while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
            await connection.rollback()
            await asyncio.sleep(_POLL_SECONDS)
        await connection.commit()
        try:
            return await connection.run_sync(_migrate, revision, down=down)
        finally:
            # The pool's reset does not let go of session locks; a session that is closed does.
            await connection.invalidate()


def _migrate(connection: Connection, revision: str, *, down: bool) -> tuple[str | None, str | None]:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    before = _revision(connection)
    (command.downgrade if down else command.upgrade)(config, revision)
    return before, _revision(connection)


def _revision(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    connection.commit()
    return found


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
