"""Opens the tracing of a process from the standard OTEL_* variables; called by entry points.

Spans are sent by OTLP over HTTP (protobuf) once an endpoint is set. OTEL_SDK_DISABLED=true or
OTEL_TRACES_EXPORTER=none send none.
"""

import logging
import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import perdure
from perdure.telemetry.trace.exporter import CalmExporter
from perdure.telemetry.trace.processor import PluginSpans
from perdure.telemetry.trace.sampling import KeepFailures
from perdure.telemetry.trace.tracing import Tracing, Way

_PROTOCOL = "http/protobuf"
_DEFAULT_ENDPOINT = "http://localhost:4318"
_TOLD_BY_OURS = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "urllib3")

_log = structlog.get_logger("perdure.trace")


def open_tracing(service: str) -> Tracing:
    """The tracing of this process, which runs `service`; one a process.

    A variable that cannot be used is logged and turns the export off: it never stops the process.
    """
    endpoint = _endpoint(os.environ)
    # What these say at every batch, ours say once.
    for name in _TOLD_BY_OURS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        if endpoint is None:
            return Tracing(provider.sampler)
        exporter = CalmExporter(OTLPSpanExporter(), receiver(endpoint))
        out = BatchSpanProcessor(exporter)
    except ValueError as problem:
        _log.error("traces are not exported", problem=str(problem))
        return Tracing()
    sampler, provider.sampler = provider.sampler, KeepFailures(provider.sampler)
    provider.add_span_processor(PluginSpans(out))
    # Steps of plugins get theirs by OpenTelemetry's own means, and so are in the trace of their attempt.
    trace.set_tracer_provider(provider)
    _log.info("traces are exported", receiver=receiver(endpoint), sampler=sampler.get_description())
    return Tracing(sampler, Way(out, provider.resource))


def _endpoint(variables: Mapping[str, str]) -> str | None:
    """Where spans go; None where they are not to go anywhere."""

    def said(*names: str) -> str:
        return next(filter(None, (variables.get(f"OTEL_{name}", "").strip() for name in names)), "")

    exporter = said("TRACES_EXPORTER")
    endpoint = said("EXPORTER_OTLP_TRACES_ENDPOINT", "EXPORTER_OTLP_ENDPOINT")
    if said("SDK_DISABLED").lower() == "true" or exporter == "none" or not (endpoint or exporter):
        return None
    protocol = said("EXPORTER_OTLP_TRACES_PROTOCOL", "EXPORTER_OTLP_PROTOCOL") or _PROTOCOL
    if exporter not in ("", "otlp"):
        problem = f"OTEL_TRACES_EXPORTER={exporter}: only otlp and none are known"
    elif protocol != _PROTOCOL:
        problem = f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: only {_PROTOCOL} is spoken (usually at port 4318)"
    else:
        return endpoint or _DEFAULT_ENDPOINT
    _log.error("traces are not exported", problem=problem)
    return None


def receiver(endpoint: str) -> str:
    """An endpoint without what may be secret in its URL.

    Raises:
        ValueError: it is no URL of a host.
    """
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("OTEL_EXPORTER_OTLP_ENDPOINT is not a URL such as http://collector:4318")
    return f"{url.scheme}://{url.hostname}" + (f":{url.port}" if url.port else "")


def _resource(service: str) -> Resource:
    """Who tells the spans. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win."""
    ours = {
        "service.name": f"perdure-{service}",
        "service.version": perdure.__version__,
        "service.instance.id": f"{socket.gethostname()}/{os.getpid()}",
    }
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
