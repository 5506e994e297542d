"""The worker's composition root: names all wiring of one worker process; `python -m worker` runs it."""

import asyncio
import os
import socket
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import structlog
from temporalio.client import Client

from activities.bulk_action import BulkActivities
from activities.runtime import StepRuntime
from activities.secret import SecretStore
from activities.wrapper import all_activities
from perdure.egress.client import guarded_client
from perdure.egress.policy import EgressPolicy
from perdure.settings import Settings
from perdure.steps.plugin import load_plugins
from perdure.store.engine import create_engine
from perdure.telemetry.metric.registry import ProcessMetrics
from perdure.telemetry.trace.tracing import Tracing
from perdure.temporal import connect, temporal_target
from worker.drain import drained, first
from worker.health import health_server
from worker.mark import MarkSet
from worker.metrics import worker_metrics
from worker.payload_walk import skip_idle_walks
from worker.queue_worker import make_bulk_worker, make_worker
from worker.readiness import Readiness
from worker.service.running import running_services

_log = structlog.get_logger("worker")
_RECONNECT_SECONDS = 0.5


async def serve(settings: Settings, stop: asyncio.Event, process: ProcessMetrics, tracing: Tracing) -> bool:
    """Work until `stop` is set, then let running steps finish within the grace and end.

    Args:
        settings: what to serve, and where.
        stop: set by a signal.
        process: the metrics of this process, on which the worker's are hung.
        tracing: told of attempts, of their outgoing calls, and of jobs.

    Returns:
        Whether every step ended. One that does not let itself be stopped still runs when this returns.

    Raises:
        RuntimeError: a plugin cannot be used, or a Temporal worker failed for good.
    """
    identity = f"{socket.gethostname()}/{os.getpid()}"
    plugins = load_plugins()
    skip_idle_walks()
    async with AsyncExitStack() as stack:
        engine = create_engine(settings)
        stack.push_async_callback(engine.dispose)
        readiness = Readiness(engine)
        host, port = settings.worker_health_host, settings.worker_health_port
        await stack.enter_async_context(health_server(host, port, readiness.problems, process.text))
        client = await _connected(settings, identity, process, stop, readiness)
        if client is None:
            return True
        marks = MarkSet()
        metrics = worker_metrics(process, settings)
        await stack.enter_async_context(running_services(client, settings, marks, metrics, tracing))
        policy = EgressPolicy.of(allow_private=settings.http_allow_private, allowed_hosts=settings.http_allowed_hosts)
        http = await stack.enter_async_context(guarded_client(policy, tracing=tracing))
        runtime = StepRuntime(
            worker=identity,
            http=http,
            secrets=SecretStore(os.environ, settings.secrets_dir),
            on_attempt=marks.mark_attempt,
            metrics=metrics.attempts,
            grace=timedelta(seconds=settings.worker_grace_seconds),
            tracing=tracing,
        )
        activities = all_activities(runtime, plugins)
        workers = [make_worker(client, settings, queue, activities, marks) for queue in settings.queues]
        workers.append(make_bulk_worker(client, settings, BulkActivities(engine, client).all))
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        readiness.polling = True
        _log.info("worker started", queues=list(settings.queues), identity=identity, health_host=host, health_port=port)
        await first(stop, tasks)
        readiness.stopping = True
        _log.info("worker stopping", grace_seconds=settings.worker_grace_seconds)
        return await drained(workers, tasks, settings.worker_grace_seconds)


async def _connected(
    settings: Settings, identity: str, process: ProcessMetrics, stop: asyncio.Event, readiness: Readiness
) -> Client | None:
    """A client, once Temporal answers; None when told to stop before."""
    waiting = False
    while not stop.is_set():
        connecting = asyncio.create_task(connect(settings, identity=identity, runtime=process.runtime))
        try:
            await first(stop, [connecting])
            if connecting.done():
                readiness.client = connecting.result()
                return readiness.client
        except RuntimeError as problem:
            readiness.absence = str(problem)
            if not waiting:
                _log.warning("waiting for Temporal", address=temporal_target(settings).address, problem=str(problem))
            waiting = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _RECONNECT_SECONDS)
        finally:
            connecting.cancel()
    return None
