"""How times, spans and values are written for people; used by the job commands and the demo."""

import json
from datetime import datetime
from typing import Any

from perdure.cli.screen import printable

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
SECOND_MS = 1_000


def moment(at: datetime | None) -> str:
    """`2026-11-22 14:00:01.123Z`, or a dash."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"


def span(milliseconds: float | None) -> str:
    """`12 ms`, `1.25 s`, `3 m 20 s`, `2 h 5 m`, or a dash."""
    if milliseconds is None:
        return "-"
    whole = max(0, round(milliseconds))
    if whole < SECOND_MS:
        return f"{whole} ms"
    if whole < MINUTE_MS:
        return f"{whole / SECOND_MS:.2f} s"
    if whole < HOUR_MS:
        return f"{whole // MINUTE_MS} m {whole % MINUTE_MS // SECOND_MS} s"
    return f"{whole // HOUR_MS} h {whole % HOUR_MS // MINUTE_MS} m"


def between(start: datetime | None, end: datetime | None) -> str:
    """The span from `start` to `end`, or a dash where either is unknown."""
    return "-" if start is None or end is None else span((end - start).total_seconds() * SECOND_MS)


def value(data: Any, limit: int | None = None) -> str:
    """A JSON value on one line, cut to `limit` characters."""
    text = printable(json.dumps(data, ensure_ascii=False))
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def cut(text: str, limit: int) -> str:
    """Text on one line, cut to `limit` characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
