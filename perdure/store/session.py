"""One request or batch = one transaction. Query modules take the connection and never commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from perdure.contract.error import ErrorClass, PerdureError
from perdure.store.engine import CONNECT_SECONDS, is_outage


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
    # The pool's check of a kept connection waits as long as a statement may; a server that
    # stopped answering has to be noticed sooner than that.
    async with asyncio.timeout(CONNECT_SECONDS + 0.5):
        return await engine.connect()
