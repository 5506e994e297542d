"""The one way to Postgres: engine, dedicated connections, and telling an outage from a mistake.

Called by the API, the worker, the projection writer and `python -m perdure.store.migrate`.
"""

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from perdure.settings import Settings

CONNECT_SECONDS = 2.0
"""How long a connection may take to come about, or to be had from the pool."""
STATEMENT_SECONDS = 15.0

_OUTAGE_STATES = ("08", "28", "3D000", "53", "55000", "57P", "57014", "25006")
"""SQLSTATEs: connection lost, login refused, no such database, out of resources, no connections taken, shutting down
or starting, too slow, read-only standby."""
_WRONG_ROW_STATES = ("22", "23", "54")
"""SQLSTATEs: not a value of its type, against a constraint, too large."""
_OUTAGE_CLASSES = (OSError, TimeoutError, PoolTimeoutError, asyncpg.InterfaceError)


def create_engine(settings: Settings, *, statement_seconds: float = STATEMENT_SECONDS) -> AsyncEngine:
    """An engine for the configured database. Nothing is connected until the first use.

    Args:
        settings: URL, password file and pool size.
        statement_seconds: a statement that takes longer is an error.
    """
    return create_async_engine(
        _url(settings),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,  # in errors, and so in logs: they are what jobs hold
        connect_args=_connect_options(statement_seconds),
    )


def _url(settings: Settings) -> URL:
    url = make_url(settings.database_url.get_secret_value())
    if url.password is not None or settings.database_password_file is None:
        return url
    return url.set(password=settings.database_password_file.read_text().strip())


def _connect_options(statement_seconds: float) -> dict[str, object]:
    return {
        "timeout": CONNECT_SECONDS,
        # A little longer than the server's own limit, which gives the better error.
        "command_timeout": statement_seconds + 1,
        "server_settings": {
            "application_name": "perdure",
            "timezone": "UTC",
            "statement_timeout": str(int(statement_seconds * 1000)),
        },
    }


async def dedicated(engine: AsyncEngine) -> asyncpg.Connection:
    """A connection of its own, outside the pool: for session locks and LISTEN. The caller closes it.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: see `is_outage`.
    """
    _, options = engine.dialect.create_connect_args(engine.url)
    known = {key: value for key, value in options.items() if not key.startswith("prepared_statement_")}
    connection: asyncpg.Connection = await asyncpg.connect(**known, **_connect_options(STATEMENT_SECONDS))
    return connection


def is_outage(error: BaseException) -> bool:
    """Whether `error` means that Postgres is away or busy for now, not that a statement was wrong."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _sql_outage(error)
    if isinstance(error, asyncpg.PostgresError):
        return _state_of(error).startswith(_OUTAGE_STATES)
    return isinstance(error, _OUTAGE_CLASSES)


def is_wrong_row(error: BaseException) -> bool:
    """Whether `error` means that what was to be stored is wrong, so that it never can be."""
    return not isinstance(error, DBAPIError) or _state_of(error.orig).startswith(_WRONG_ROW_STATES)


def _sql_outage(error: DBAPIError) -> bool:
    state = _state_of(error.orig)
    if state:
        return state.startswith(_OUTAGE_STATES)
    return isinstance(error, (InterfaceError, OperationalError)) or isinstance(error.orig, _OUTAGE_CLASSES)


def _state_of(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""
