"""All background services of one worker process, started and stopped in order. Used by the composition root."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.client import Client

from perdure.settings import Settings
from perdure.store.engine import create_engine
from worker.mark import MarkSet
from worker.service.leader import Leader
from worker.service.projector import Projector, ProjectorConfig
from worker.service.sweep import Sweep, SweepConfig


@asynccontextmanager
async def running_services(client: Client, settings: Settings, marks: MarkSet) -> AsyncIterator[Projector]:
    """Projector, leader and sweep run while this is open. Neither Postgres nor Temporal needs to be there.

    Leave it after the Temporal workers have stopped: the projector then writes what they did last.
    """
    engine = create_engine(settings)
    projector = Projector(client, engine, marks, ProjectorConfig(interval=settings.projector_interval_ms / 1000))
    leader = Leader(engine, marks.mark)
    sweep = Sweep(client, engine, marks, leader, SweepConfig(interval=settings.sweep_interval_seconds))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        for service in (projector, leader, sweep):
            stack.push_async_callback(service.stop)
            await service.start()
        yield projector
