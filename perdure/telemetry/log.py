"""Logging of every process: structlog, one event a line on standard error; called by entry points.

JSON for machines; on a terminal, or where `PERDURE_LOG_FORMAT` says so, a form for people. The standard
library's loggers (uvicorn, temporalio, SQLAlchemy, asyncio, warnings) get the same form. Our own lines do not pass
the standard library on their way: that would double what they cost, and a short job writes a dozen.
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

_without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
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
    console = form == "console" or (form == "auto" and stream.isatty())
    rendering = _rendering(stream, console=console)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[_service(service), read_temporal_fields, _without_meta, *rendering],
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
    structlog.configure(
        processors=[*_SHARED, _service(service), _rendered(rendering)],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=lambda *names: _Lines(handler, *names),
        cache_logger_on_first_use=True,
    )


class _Lines:
    """The end of the way for structlog: writes the line between those of the standard library's handler."""

    def __init__(self, handler: "logging.StreamHandler[TextIO]", name: str = "perdure") -> None:
        self.name = name
        self._handler = handler

    def _write(self, line: str) -> None:
        self._handler.acquire()
        try:
            self._handler.stream.write(line + "\n")
            self._handler.flush()
        except (OSError, ValueError):
            pass  # the stream is closed, or cannot hold the line: nothing that logs may fail for it
        finally:
            self._handler.release()

    debug = info = warning = error = critical = exception = _write


def _service(service: str) -> Processor:
    def add(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return add


def _rendered(rendering: Sequence[Processor]) -> Processor:
    """All of `rendering` as one step that never raises: what somebody logs may be anything."""

    def render(logger: Any, method: str, event: EventDict) -> Any:
        try:
            return _through(rendering, logger, method, dict(event))
        except Exception as problem:  # noqa: BLE001  told in the line
            known = {name: event[name] for name in ("timestamp", "level", "service", "logger") if name in event}
            told = {"event": "a line that cannot be written", "problem": type(problem).__name__}
            return _through(rendering, logger, method, known | told)

    return render


def _through(rendering: Sequence[Processor], logger: Any, method: str, event: Any) -> Any:
    for processor in rendering:
        event = processor(logger, method, event)
    return event


def _rendering(stream: TextIO, *, console: bool) -> Sequence[Processor]:
    if console:
        colors = stream.isatty()
        # The traceback as text, so that it is masked like everything else.
        return [
            structlog.processors.format_exc_info,
            mask_event,
            _without_nulls,
            structlog.dev.ConsoleRenderer(colors=colors),
        ]
    return [
        structlog.processors.format_exc_info,
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
