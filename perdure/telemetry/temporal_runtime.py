"""The Temporal SDK's runtime, its logs sent through ours. Used for the metrics of a process."""

import logging

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)


def make_runtime(metrics: PrometheusConfig) -> Runtime:
    """A runtime; one a process, as each has threads of its own.

    Raises:
        ValueError: the metrics' address is taken.
    """
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"), append_target_to_name=False, prepend_target_on_message=False
    )
    level = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(level, forwarding), metrics=metrics))
