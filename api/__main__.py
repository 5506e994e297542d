"""`python -m api`: the API process. Stops cleanly on SIGTERM and Ctrl-C; bad settings end it with one line."""

import os
import signal
import sys

import structlog
import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from api.app import Secrets, create_app
from perdure.garbage import settle_garbage_collection
from perdure.security.key import read_key, read_pepper
from perdure.settings import Settings, setting_problems
from perdure.steps.plugin import load_plugins
from perdure.store.engine import create_engine
from perdure.telemetry.log import configure_logging
from perdure.telemetry.metric.registry import process_metrics
from perdure.telemetry.trace.process import open_tracing
from perdure.telemetry.trace.tracing import Tracing
from perdure.temporal import TemporalProfileError, temporal_target

_log = structlog.get_logger("perdure.api")
_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75
"""Longer than load balancers keep an idle connection (60 s): else one is closed just as it is used again, a 502."""
_BAD_SETTINGS = 2


class SettingsError(Exception):
    """A setting that the API cannot start with; the message names the variable."""


def read_secrets(settings: Settings) -> Secrets:
    """The files that the settings name.

    Raises:
        SettingsError: one is missing, unreadable, or does not hold what it should.
    """
    if settings.api_key_pepper_file is None:
        raise SettingsError("PERDURE_API_KEY_PEPPER_FILE must name a file with a secret of 32 bytes or more")
    try:
        pepper = read_pepper(settings.api_key_pepper_file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"PERDURE_API_KEY_PEPPER_FILE: {error}") from error
    if settings.bootstrap_admin_key_file is None:
        return Secrets(pepper, None)
    try:
        return Secrets(pepper, read_key(settings.bootstrap_admin_key_file))
    except (OSError, ValueError) as error:
        raise SettingsError(f"PERDURE_BOOTSTRAP_ADMIN_KEY_FILE: {error}") from error


def server(settings: Settings, tracing: Tracing) -> uvicorn.Server:
    """The HTTP server, ready to run.

    Raises:
        SettingsError: a setting names something that cannot be used.
    """
    try:
        create_engine(settings)  # connects to nothing: only whether there can be one
        temporal_target(settings)
    except (SQLAlchemyError, ImportError) as error:
        raise SettingsError(f"PERDURE_DATABASE_URL: {error}") from error
    except TemporalProfileError as error:
        raise SettingsError(str(error)) from error
    return uvicorn.Server(
        uvicorn.Config(
            create_app(settings, read_secrets(settings), process_metrics("api"), tracing),
            host=settings.api_host,
            port=settings.api_port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def main() -> int:
    """Serve until told to stop; returns the exit code: 0 after a signal, 1 after a failure, 2 for bad settings."""
    try:
        settings = Settings()
        configure_logging("api", settings.log_level, settings.log_format)
        load_plugins()
        tracing = open_tracing("api")
        process = server(settings, tracing)
    except ValidationError as error:
        return _fail(setting_problems(error))
    except (SettingsError, RuntimeError) as error:
        return _fail(f"{error}\n")
    # uvicorn raises the signal that stopped it once more; it has done its work, and this is the end either way.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _log.info("api starting", host=settings.api_host, port=settings.api_port)
    settle_garbage_collection()
    process.run()
    tracing.shutdown()
    _log.info("api stopped")
    return 0 if process.started else 1


def _fail(problem: str) -> int:
    sys.stderr.write(problem)
    return _BAD_SETTINGS


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's native threads sometimes abort a normal interpreter exit (sdk-python#300).
    os._exit(code)
