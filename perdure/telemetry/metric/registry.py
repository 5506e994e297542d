"""The metrics of one process: its registry, the Temporal SDK's own beside it, and both as one text.

Entry points make one; the composition roots hang their metrics on it and serve `text` at `/metrics`.
"""

import asyncio
import re
import socket
from dataclasses import dataclass, field
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from temporalio.runtime import PrometheusConfig, Runtime

import perdure
from perdure.telemetry.metric.label import MOST_QUEUES, OTHER, BoundedLabel
from perdure.telemetry.temporal_runtime import make_runtime

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_LOOPBACK = "127.0.0.1"
_SDK_SECONDS = 2.0
_PORT_TRIES = 10

_TASK_QUEUE = re.compile(rb'[{,]task_queue="([^"]*)"')
_log = structlog.get_logger("perdure.metrics")
_opener = build_opener(ProxyHandler({}))


def _registry() -> CollectorRegistry:
    return CollectorRegistry(auto_describe=True)


@dataclass(frozen=True, slots=True)
class ProcessMetrics:
    """`runtime` is for `perdure.temporal.connect`; None: the SDK's default one, whose metrics nobody sees."""

    registry: CollectorRegistry = field(default_factory=_registry)
    runtime: Runtime | None = None
    sdk_url: str | None = None
    queues: BoundedLabel = field(default_factory=lambda: BoundedLabel(MOST_QUEUES))
    """Task queues in the SDK's metrics: those that clients name are among them."""

    async def text(self) -> bytes:
        """All metrics in Prometheus' text format 0.0.4; the SDK's are left out where they cannot be had."""
        ours = generate_latest(self.registry)
        if self.sdk_url is None:
            return ours
        try:
            return ours + self._bounded(await asyncio.to_thread(_read, self.sdk_url))
        except (OSError, HTTPException) as problem:
            _log.warning("the metrics of Temporal's SDK cannot be read", problem=repr(problem))
            return ours

    def _bounded(self, text: bytes) -> bytes:
        """The SDK's metrics without the samples of task queues beyond the most that are shown."""
        return b"".join(line for line in text.splitlines(keepends=True) if self._is_shown(line))

    def _is_shown(self, line: bytes) -> bool:
        named = _TASK_QUEUE.search(line)
        return named is None or self.queues.of(named[1].decode()) != OTHER


def process_metrics(service: str) -> ProcessMetrics:
    """The metrics of this process, which runs `service`; one a process.

    The SDK can only serve its metrics at a port of its own. That is one of the loopback interface, chosen
    by the system; users scrape one address a process.

    Raises:
        RuntimeError: the SDK found no free port.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series a metric that nobody reads
    registry = _registry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    build = Info("perdure_build", "The version that runs.", registry=registry)
    build.info({"service": service, "version": perdure.__version__})
    for _ in range(_PORT_TRIES):
        address = f"{_LOOPBACK}:{_free_port()}"
        try:
            runtime = make_runtime(_sdk_config(address))
        except ValueError:  # another process took the port in between
            continue
        return ProcessMetrics(registry, runtime, f"http://{address}/metrics")
    raise RuntimeError("Temporal's SDK found no free port for its metrics")


def _sdk_config(address: str) -> PrometheusConfig:
    return PrometheusConfig(
        bind_address=address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _read(url: str) -> bytes:
    with _opener.open(url, timeout=_SDK_SECONDS) as answer:
        text: bytes = answer.read()
        return text
