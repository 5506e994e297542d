"""Logging of every process: structlog, one event a line on standard error; called by entry points.

JSON for machines; on a terminal, or where `PERDURE_LOG_FORMAT` says so, a form for people. The standard
library's loggers (uvicorn, temporalio, SQLAlchemy, asyncio, warnings) take the same way.
"""

import json
import logging
import sys
from collections.abc import Sequence
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from perdure.telemetry.log_field import FIXED, add_fixed_fields, read_temporal_fields
from perdure.telemetry.log_mask import mask_event

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
LogFormat = Literal["auto", "json", "console"]

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]

# What these say below the level, our own lines say with the job's fields; further below are payloads.
_LEAST = {
    "alembic.runtime.migration": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "sqlalchemy.engine": logging.WARNING,
    "temporalio": logging.WARNING,
    "temporalio.activity": logging.ERROR,
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,
}


def configure_logging(
    service: str, level: str = "INFO", form: LogFormat = "auto", *, stream: TextIO | None = None
) -> None:
    """Send structlog and the standard library's loggers through the same form.

    Args:
        service: the process, as field `service` on every line.
        level: the least level that is written.
        form: `auto` is `console` where `stream` is a terminal.
        stream: where lines go; standard error.
    """
    stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    console = form == "console" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[_service(service), read_temporal_fields, *_rendering(stream, console=console)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # What no line shows need not be looked up for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _service(service: str) -> Processor:
    def add(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return add


def _rendering(stream: TextIO, *, console: bool) -> Sequence[Processor]:
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if console:
        colors = stream.isatty()
        # The traceback as text, so that it is masked like everything else.
        return [
            structlog.processors.format_exc_info,
            remove_meta,
            mask_event,
            _without_nulls,
            structlog.dev.ConsoleRenderer(colors=colors),
        ]
    return [
        structlog.processors.format_exc_info,
        remove_meta,
        add_fixed_fields,
        mask_event,
        structlog.processors.JSONRenderer(_to_json),
    ]


def _to_json(event: EventDict, **_: Any) -> str:
    return _encode(event)


def _without_nulls(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name in FIXED:
        if name in event and event[name] is None:
            del event[name]
    return event
