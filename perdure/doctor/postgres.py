"""What the doctor asks Postgres: whether it lets us in, its version, migrations, clock, and about the key used."""

import asyncio
from pathlib import Path

import asyncpg
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from perdure.doctor.clock import examine_clock, now
from perdure.doctor.finding import Finding, Level, cause_of, ok, problem
from perdure.doctor.key import examine_key
from perdure.settings import Settings
from perdure.store import migrate
from perdure.store.engine import create_engine
from perdure.store.session import StoreUnavailableError

PATIENCE = 5.0
OLDEST_MAJOR = 14
_PER_MAJOR = 10_000  # server_version_num of 17.10 is 170010
_CHECK = "postgres"
_VARIABLE = "PERDURE_DATABASE_URL"
_REFUSALS = {
    "28P01": f"Correct user and password in {_VARIABLE}.",
    "28000": f"Let this user in by pg_hba.conf, or correct {_VARIABLE}.",
    "3D000": f"Create the database, or correct its name in {_VARIABLE}.",
    "42501": "Grant this user its rights, or migrate as the owner: python -m perdure.store.migrate",
    "53300": "Raise max_connections, or lower PERDURE_DATABASE_POOL_SIZE.",
}
"""SQLSTATE of what was refused -> remedy."""
_MIGRATE = "Run: python -m perdure.store.migrate"
_MIGRATIONS = Path(migrate.__file__).with_name("migrations")


async def examine_postgres(settings: Settings, api_key: str | None) -> list[Finding]:
    """Everything about the Postgres the settings name. Where it cannot be used, that alone."""
    try:
        engine = create_engine(settings, statement_seconds=PATIENCE)
    except OSError as error:
        what = f"the password of Postgres cannot be read: {cause_of(error)}"
        return [problem(_CHECK, what, "Correct PERDURE_DATABASE_PASSWORD_FILE.")]
    except (SQLAlchemyError, ImportError, ValueError) as error:
        form = "postgresql+asyncpg://user:password@host:5432/database"
        return [problem(_CHECK, f"{_VARIABLE} is not usable: {cause_of(error)}", f"Give it the form {form}.")]
    try:
        async with asyncio.timeout(2 * PATIENCE), engine.connect() as connection:
            return await _examine(engine, connection, settings, api_key)
    except (
        OSError,
        TimeoutError,
        StoreUnavailableError,
        SQLAlchemyError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ) as error:
        return [_unusable(error, _shown(engine.url))]
    finally:
        await engine.dispose()


async def _examine(
    engine: AsyncEngine, connection: AsyncConnection, settings: Settings, api_key: str | None
) -> list[Finding]:
    before = now()
    theirs = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    after = now()
    number = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
    current = await connection.run_sync(_revision)
    migrations = judge_migrations(current, ScriptDirectory(str(_MIGRATIONS)))
    found = [judge_version(number), migrations, examine_clock("Postgres", before, theirs, after)]
    if api_key is not None and migrations.level is Level.OK:
        found.append(await examine_key(engine, connection, settings, api_key))
    return found


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def judge_version(number: int) -> Finding:
    """Whether a server of this `server_version_num` will do."""
    major, minor = divmod(number, _PER_MAJOR)
    if major < OLDEST_MAJOR:
        what = f"Postgres {major}.{minor} is older than {OLDEST_MAJOR}"
        return problem(_CHECK, what, f"Upgrade it to {OLDEST_MAJOR} or newer.")
    return ok(_CHECK, f"Postgres {major}.{minor}")


def judge_migrations(current: str | None, scripts: ScriptDirectory) -> Finding:
    """Whether the tables are those of this version of Perdure."""
    newest = scripts.get_current_head()
    if current == newest:
        return ok("migrations", f"at {current}, the newest")
    if current is None:
        return problem("migrations", "the database has no tables yet", f"{_MIGRATE}.")
    if current in {script.revision for script in scripts.walk_revisions()}:
        return problem("migrations", f"at {current}, but this Perdure needs {newest}", f"{_MIGRATE}.")
    what = f"at {current}, which this Perdure does not know: a newer one migrated the database"
    return problem("migrations", what, "Upgrade Perdure here to the version that did.")


def _shown(url: URL) -> str:
    """The URL without its password, and without other parameters than the socket's directory."""
    bare = url.set(query={key: value for key, value in url.query.items() if key == "host"})
    return bare.render_as_string(hide_password=True)


def _unusable(error: BaseException, url: str) -> Finding:
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    state = getattr(origin, "sqlstate", None) or ""
    what = f"Postgres cannot be used ({url}): {cause_of(origin)}"
    if isinstance(error, TimeoutError) and not str(error):
        what = f"Postgres gave no answer within its time ({url})"
    return problem(_CHECK, what, _REFUSALS.get(state, f"Start it, or correct {_VARIABLE}."))
