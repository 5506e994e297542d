"""All background services of one worker process, started and stopped in order. Used by the composition root."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.client import Client

from perdure.settings import Settings
from perdure.store.engine import create_engine
from perdure.telemetry.metric.archive import ArchiveMetrics
from perdure.telemetry.metric.census import CensusMetrics
from perdure.telemetry.metric.operation import OperationMetrics
from perdure.telemetry.metric.pool import PoolMetrics
from perdure.telemetry.metric.projection import ProjectionMetrics, ProjectionState
from perdure.telemetry.metric.reconciliation import ReconciliationMetrics
from perdure.telemetry.metric.registry import ProcessMetrics
from perdure.telemetry.trace.job import JobTrace
from perdure.telemetry.trace.tracing import Tracing
from worker.mark import MarkSet
from worker.metrics import WorkerMetrics, worker_metrics
from worker.service.archiver import Archiver
from worker.service.census import Census
from worker.service.counting import Counting
from worker.service.leader import Leader
from worker.service.operation import Operations
from worker.service.projector import Projector, ProjectorConfig
from worker.service.reconciler import Reconciler
from worker.service.sweep import Sweep, SweepConfig
from worker.service.tally import Tally
from worker.service.upkeep import Upkeep, UpkeepConfig
from worker.service.witness import Witness


@asynccontextmanager
async def running_services(
    client: Client,
    settings: Settings,
    marks: MarkSet,
    metrics: WorkerMetrics | None = None,
    tracing: Tracing | None = None,
) -> AsyncIterator[Projector]:
    """All services run while this is open. Neither Postgres nor Temporal needs to be there.

    Leave it after the Temporal workers have stopped: the projector then writes what they did last.
    """
    engine = create_engine(settings)
    metrics = metrics or worker_metrics(ProcessMetrics(), settings)
    config = ProjectorConfig(interval=settings.projector_interval_ms / 1000)
    tally = Tally()
    witness = Witness(metrics.jobs, metrics.attempts, metrics.lag, JobTrace(tracing or Tracing()), tally)
    projector = Projector(client, engine, marks, config, witness.saw)
    leader = Leader(engine, marks.mark)
    sweep = Sweep(client, engine, marks, leader, SweepConfig(interval=settings.sweep_interval_seconds))
    shadows = create_engine(settings.model_copy(update={"database_pool_size": 1}))
    upkeep = Upkeep(engine, leader, UpkeepConfig(observations=settings.live_observation_days))
    registry = metrics.process.registry
    PoolMetrics(registry, engine)
    ProjectionMetrics(registry, lambda: _state(projector, marks, leader))
    operations = Operations(client, engine, shadows, leader, OperationMetrics(registry))
    reconciler = Reconciler(client, engine, leader, ReconciliationMetrics(registry, metrics.labels))
    counted = CensusMetrics(registry, metrics.labels, settings.queues)
    census = Census(client, engine, leader, counted, queues=settings.queues, interval=settings.metrics_interval_seconds)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        stack.push_async_callback(shadows.dispose)
        for service in (Counting(engine, tally), projector, leader, sweep, upkeep, operations, reconciler, census):
            stack.push_async_callback(service.stop)
            await service.start()
        if settings.archive:
            archiver = Archiver(client, engine, leader, ArchiveMetrics(registry))
            stack.push_async_callback(archiver.stop)
            await archiver.start()
        yield projector


def _state(projector: Projector, marks: MarkSet, leader: Leader) -> ProjectionState:
    return ProjectionState(
        marks=len(marks),
        stalled=projector.stalled,
        set_aside=projector.set_aside,
        set_aside_ever=projector.stats.set_aside,
        leads=leader.leading,
    )
