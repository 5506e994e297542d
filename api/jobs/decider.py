"""Who decides about which job, as a dependency of the routes that do; carries out, and answers with the job."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.context import RequestContext, context_of
from api.jobs.decision import command_name, decide
from api.jobs.payload import Onlooker, shown_job
from api.jobs.queries import mark
from api.jobs.reading import read_from_temporal
from api.jobs.schemas import DecisionView
from api.jobs.target import JobId
from api.jobs.trace import DecisionSpan
from api.security import Operator
from api.state import Services, UseServices
from perdure.contract.command import Command
from perdure.security.principal import Principal
from perdure.store.session import StoreUnavailableError

_MARK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Decider:
    """A principal that may decide, and the job of the path."""

    found: Services
    principal: Principal
    context: RequestContext
    job_id: str

    async def command(self, command: Command, key: str | None) -> DecisionView:
        """The answer once the workflow has taken the command; raises as `decide`."""
        sent = decide(self.found, self.principal, self.job_id, command, key)
        return await self.taken(command_name(command), command.reason, sent)

    async def taken(self, name: str, reason: str | None, decision: Awaitable[list[str]]) -> DecisionView:
        """The answer once `decision` is done: the steps it gives, and the job as it is then."""
        span = DecisionSpan(self.found.tracing, name, self.principal, self.context)
        steps = await decision
        await self._mark()
        reading = await read_from_temporal(self.found, self.principal, self.job_id)
        span.taken(reading.job, reason)
        job = await shown_job(reading, Onlooker(self.found, self.principal, self.context))
        return DecisionView(job_id=job.id, steps=steps, job=job)

    async def _mark(self) -> None:
        """So that the projection follows at once also when no worker serves the job; the sweep would see it later."""
        with suppress(TimeoutError, StoreUnavailableError):
            async with asyncio.timeout(_MARK_SECONDS), self.found.store.transaction() as connection:
                await mark(connection, self.job_id)


async def decider(request: Request, found: UseServices, principal: Operator, job_id: JobId) -> Decider:
    """What every route that decides needs; refuses who is no operator, and jobs of other tenants."""
    return Decider(found, principal, context_of(request), job_id)


UseDecider = Annotated[Decider, Depends(decider)]
