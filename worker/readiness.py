"""Whether this worker can do its work, and what it lacks; the composition root keeps it, /readyz asks."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCError

from perdure.store.health import ping

_PROBE = timedelta(seconds=3)


@dataclass(slots=True)
class Readiness:
    """What is known of one worker process. `absence` says why there is no client yet."""

    engine: AsyncEngine
    client: Client | None = None
    absence: str = "it was not asked yet"
    polling: bool = False
    stopping: bool = False

    async def problems(self) -> list[str]:
        """What is missing, a sentence each; empty where the worker does its work, projection included.

        Jobs go on without Postgres; their rows follow when it is back.
        """
        if self.stopping:
            return ["the worker was told to stop: it takes no more work"]
        missing = [problem for problem in await asyncio.gather(self._temporal(), self._postgres()) if problem]
        return missing if missing or self.polling else ["the worker is starting"]

    async def _temporal(self) -> str | None:
        if self.client is None:
            return f"Temporal is not reached: {self.absence}"
        try:
            healthy = await self.client.service_client.check_health(timeout=_PROBE)
        except RPCError as error:
            return f"Temporal does not answer: {error.message}"
        return None if healthy else "Temporal is not serving"

    async def _postgres(self) -> str | None:
        try:
            await ping(self.engine)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, nothing is projected
            cause = error.__cause__ or error
            return f"Postgres cannot be used: {type(cause).__name__}: {cause}".splitlines()[0][:300]
        return None
