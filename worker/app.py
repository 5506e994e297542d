"""The worker's composition root: names all wiring of one worker process; `python -m worker` runs it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.settings import Settings
from perdure.steps.plugin import load_plugins
from perdure.telemetry.metric.registry import ProcessMetrics
from perdure.temporal import connect
from worker.health import health_server
from worker.mark import MarkSet
from worker.metrics import worker_metrics
from worker.queue_worker import make_worker
from worker.service.running import running_services

_log = structlog.get_logger("worker")
_RECONNECT_SECONDS = 0.5


async def serve(settings: Settings, stop: asyncio.Event, process: ProcessMetrics) -> None:
    """Work until `stop` is set, then let running steps finish within the grace and end.

    Args:
        settings: what to serve, and where.
        stop: set by a signal.
        process: the metrics of this process, on which the worker's are hung.

    Raises:
        RuntimeError: a plugin cannot be used, or a Temporal worker failed for good.
    """
    identity = f"{socket.gethostname()}/{os.getpid()}"
    plugins = load_plugins()
    client = await _connected(settings, identity, process, stop)
    if client is None:
        return
    marks = MarkSet()
    metrics = worker_metrics(process, settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            health_server(
                settings.worker_health_host, settings.worker_health_port, lambda: _problem(client), process.text
            )
        )
        await stack.enter_async_context(running_services(client, settings, marks, metrics))
        policy = EgressPolicy.of(allow_private=settings.http_allow_private, allowed_hosts=settings.http_allowed_hosts)
        http = await stack.enter_async_context(guarded_client(policy))
        runtime = StepRuntime(
            worker=identity,
            http=http,
            secrets=SecretStore(os.environ, settings.secrets_dir),
            on_attempt=marks.mark_attempt,
            metrics=metrics.attempts,
        )
        activities = all_activities(runtime, plugins)
        workers = [make_worker(client, settings, queue, activities, marks) for queue in settings.queues]
        async with _running(workers) as failed:
            _log.info(
                "worker started",
                queues=list(settings.queues),
                identity=identity,
                health_host=settings.worker_health_host,
                health_port=settings.worker_health_port,
            )
            await _first(stop, failed)
            _log.info("worker stopping", grace_seconds=settings.worker_grace_seconds)


async def _connected(settings: Settings, identity: str, process: ProcessMetrics, stop: asyncio.Event) -> Client | None:
    """A client, once Temporal answers; None when told to stop before."""
    waiting = False
    while not stop.is_set():
        try:
            return await connect(settings, identity=identity, runtime=process.runtime)
        except RuntimeError as problem:
            if not waiting:
                _log.warning("waiting for Temporal", address=settings.temporal_address, problem=str(problem))
            waiting = True
            await asyncio.sleep(_RECONNECT_SECONDS)
    return None


async def _problem(client: Client) -> str | None:
    try:
        healthy = await client.service_client.check_health()
    except RPCError as error:
        return f"Temporal does not answer: {error.message}"
    return None if healthy else "Temporal is not serving"


@asynccontextmanager
async def _running(workers: list[Worker]) -> AsyncIterator[asyncio.Future[list[None]]]:
    """The workers run while this is open; the future fails if one of them does."""
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    failed = asyncio.ensure_future(asyncio.gather(*tasks))
    try:
        yield failed
    finally:
        await asyncio.gather(*(worker.shutdown() for worker in workers), return_exceptions=True)
        await failed


async def _first(stop: asyncio.Event, failed: asyncio.Future[list[None]]) -> None:
    waiting = asyncio.create_task(stop.wait())
    either: list[asyncio.Future[Any]] = [waiting, failed]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
