"""The connections to Postgres of one process, read at each scrape."""

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from perdure.telemetry.metric.sample import Families, gauge


class PoolMetrics(Collector):
    """Reads the engine's pool."""

    def __init__(self, registry: CollectorRegistry, engine: AsyncEngine) -> None:
        self._engine = engine
        registry.register(self)

    def collect(self) -> Families:
        """The connections now, and how many there may be."""
        pool = self._engine.pool  # a new one after each `dispose`
        if not isinstance(pool, QueuePool):
            return
        connections: dict[tuple[str, ...], float] = {("used",): pool.checkedout(), ("idle",): pool.checkedin()}
        yield gauge(
            "perdure_postgres_pool_connections",
            "Connections to Postgres: used by a transaction now, or kept idle.",
            connections,
            ("state",),
        )
        limit = "Connections to Postgres that this process keeps at most."
        yield gauge("perdure_postgres_pool_limit", limit, {(): pool.size()})
