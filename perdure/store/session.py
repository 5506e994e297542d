"""One request or batch = one transaction. Query modules take the connection and never commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from perdure.contract.error import ErrorClass, PerdureError
from perdure.store.engine import CONNECT_SECONDS, is_outage

_behind: set[asyncio.Task[None]] = set()
"""Attempts to connect that nobody waits for any more; held so that they are not collected."""


class StoreUnavailableError(PerdureError):
    """Postgres cannot be reached or does not answer; jobs run on, and the same call works later."""

    def __init__(self, cause: BaseException) -> None:
        detail = f"{type(cause).__name__}: {cause}".splitlines()[0]
        super().__init__(
            "API.UNAVAILABLE",
            ErrorClass.TRANSIENT,
            f"Postgres cannot be used now ({detail}); jobs run on, try again in a few seconds",
        )


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction: committed when the block ends, rolled back when it raises.

    Raises:
        StoreUnavailableError: Postgres is away; known within about two seconds.
    """
    try:
        connection = await _acquire(engine)
        try:
            async with connection.begin():
                yield connection
        finally:
            await connection.close()
    except Exception as error:
        if is_outage(error):
            raise StoreUnavailableError(error) from error
        raise


async def _acquire(engine: AsyncEngine) -> AsyncConnection:
    # A kept connection to a server that stopped answering takes longer to check, and then to close,
    # than anybody should wait: that goes on behind.
    connecting = asyncio.create_task(_connect(engine))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.shield(connecting)
    except BaseException:
        cleaning = asyncio.create_task(_abandon(connecting))
        _behind.add(cleaning)
        cleaning.add_done_callback(_behind.discard)
        raise


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _abandon(connecting: asyncio.Task[AsyncConnection]) -> None:
    connecting.cancel()
    with suppress(Exception, asyncio.CancelledError):
        connection = await connecting
        await connection.close()
