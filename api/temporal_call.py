"""Calls to Temporal with an end: a server that is away or silent becomes API.UNAVAILABLE within seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.service import RPCError, RPCStatusCode

from perdure.contract.error import ErrorClass, PerdureError
from perdure.storage.error import StorageError

SECONDS = 8.0
_NO_CONNECTION = "Failed client connect"
"""How the RuntimeError of a lazy client's first call begins (temporalio 1.35)."""
_PASSING = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
    }
)


class TemporalUnavailableError(PerdureError):
    """Temporal cannot be reached, or did not answer in time: whether the call took effect is not known."""

    def __init__(self, message: str = "Temporal cannot be reached now: try again in a few seconds") -> None:
        super().__init__("API.UNAVAILABLE", ErrorClass.TRANSIENT, message)


@asynccontextmanager
async def temporal_call(seconds: float = SECONDS) -> AsyncIterator[None]:
    """Around calls to Temporal.

    Raises:
        TemporalUnavailableError: no connection, no answer within `seconds`, too busy, or external storage is away.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise TemporalUnavailableError from error
    except RPCError as error:
        if error.status in _PASSING:
            raise TemporalUnavailableError from error
        raise
    except StorageError as error:
        message = "external storage cannot keep or give the payload now: try again in a few seconds"
        raise TemporalUnavailableError(message) from error
    except RuntimeError as error:
        if str(error).startswith(_NO_CONNECTION):
            raise TemporalUnavailableError from error
        raise
