"""Whether Postgres answers; for `/readyz`, and for services that wait until it is back."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from perdure.store.engine import CONNECT_SECONDS
from perdure.store.session import StoreUnavailableError, transaction


async def ping(engine: AsyncEngine) -> None:
    """Return when Postgres answered a query.

    Raises:
        StoreUnavailableError: it did not, within about two seconds.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS + 1), transaction(engine) as connection:
            await connection.execute(text("SELECT 1"))
    except TimeoutError as error:
        raise StoreUnavailableError(error) from error
