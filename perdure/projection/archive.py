"""Histories as the archive keeps them: raw, as Temporal gives them, so that a later fold reads more from them.

Payloads stay encoded: what a codec encrypted is encrypted here too, and what is in external storage stays there.
Used by the archiver, and by check and rebuild.
"""

import asyncio
import zlib

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.converter import DataConverter

from perdure.projection.decoder import decode_events
from perdure.projection.history import HistoryEvent
from perdure.store.archive import content_of
from perdure.store.session import transaction

_PAGE = 1_000


async def archived_history(
    engine: AsyncEngine, converter: DataConverter, job_id: str, run_id: str
) -> list[HistoryEvent]:
    """The events of a run, in order, decoded; empty where the archive has no such run.

    Raises:
        StoreUnavailableError: Postgres is away.
        ValueError: what is kept is no history.
    """
    async with transaction(engine) as connection:
        content = await content_of(connection, job_id, run_id)
    if content is None:
        return []
    return await decode_events(converter, (await asyncio.to_thread(unpack, content)).events)


async def read_raw(client: Client, job_id: str, run_id: str) -> History:
    """The history of a closed run.

    Raises:
        temporalio.service.RPCError: Temporal is away, or does not hold the run (status NOT_FOUND).
    """
    whole, token = History(), b""
    while True:
        response = await client.workflow_service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace=client.namespace,
                execution=WorkflowExecution(workflow_id=job_id, run_id=run_id),
                maximum_page_size=_PAGE,
                next_page_token=token,
            ),
            retry=True,
        )
        whole.events.extend(response.history.events)
        token = response.next_page_token
        if not token:
            return whole


def pack(history: History) -> tuple[bytes, int]:
    """The history as it is kept, and its size before."""
    plain = history.SerializeToString()
    return zlib.compress(plain), len(plain)


def unpack(content: bytes) -> History:
    """The reverse of `pack`.

    Raises:
        ValueError: it is no packed history.
    """
    try:
        return History.FromString(zlib.decompress(content))
    except Exception as error:  # protobuf's errors have no base of their own in every implementation
        raise ValueError(f"the archive holds no history: {error}") from error
