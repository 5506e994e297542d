"""The one Temporal client factory, used by the API, the worker and the projection."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime

from perdure.settings import Settings


async def connect(
    settings: Settings, *, identity: str | None = None, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """A client of the configured Temporal server and namespace.

    Args:
        settings: address and namespace.
        identity: the name this connection has in histories; default `pid@host`.
        lazy: connect at the first call instead of now, so that a server that is down is no error yet.
        runtime: the SDK's, where its metrics and logs are wanted.

    Raises:
        RuntimeError: the server cannot be reached (never when lazy).
    """
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        identity=identity,
        lazy=lazy,
        runtime=runtime,
    )
