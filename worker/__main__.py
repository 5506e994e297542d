"""`python -m worker`: runs Temporal workers and the projection's services until SIGTERM or SIGINT."""

import asyncio
import os
import signal
import sys
from typing import NoReturn

import structlog
import uvloop
from pydantic import ValidationError

from perdure.garbage import settle_garbage_collection
from perdure.settings import Settings, setting_problems
from perdure.telemetry.log import configure_logging
from perdure.telemetry.metric.registry import process_metrics
from perdure.telemetry.trace.process import open_tracing
from perdure.temporal import TemporalProfileError, temporal_target
from worker.app import serve

_log = structlog.get_logger("worker")


async def _until_signal(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tracing = open_tracing("worker")
    try:
        all_ended = await serve(settings, stop, process_metrics("worker"), tracing)
    finally:
        tracing.shutdown()
    if not all_ended:
        _end(0)  # the loop would wait for the step that does not stop


def main() -> int:
    """The exit code: 0 after a signal, 1 after a failure, 2 for settings that do not parse."""
    try:
        settings = Settings()
        temporal_target(settings)
    except ValidationError as problem:
        sys.stderr.write(setting_problems(problem))
        return 2
    except TemporalProfileError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    configure_logging("worker", settings.log_level, settings.log_format)
    settle_garbage_collection()
    try:
        uvloop.run(_until_signal(settings))
    except Exception:  # noqa: BLE001  whatever it is, it is said in the log and the process ends
        _log.exception("worker failed")
        return 1
    _log.info("worker stopped")
    return 0


def _end(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's native threads sometimes abort a normal interpreter exit (sdk-python#300).
    os._exit(code)


if __name__ == "__main__":
    _end(main())
