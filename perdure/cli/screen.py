"""Where the CLI writes: results to stdout, everything else to stderr, colours only for eyes."""

import sys
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNBOUNDED = 1_000
"""Columns assumed where nobody looks: a program that reads the output must not find lines cut."""

STYLES = {
    "COMPLETED": "green",
    "COMPLETED_WITH_ERRORS": "yellow",
    "RUNNING": "cyan",
    "RETRYING": "yellow",
    "WAITING": "blue",
    "QUEUED": "blue",
    "SCHEDULED": "blue",
    "PAUSED": "blue",
    "DEAD_LETTERED": "bold magenta",
    "FAILED": "bold red",
    "TIMED_OUT": "bold red",
    "LOST": "bold red",
    "TERMINATED": "red",
    "CANCELED": "red",
    "PENDING": "dim",
    "SKIPPED": "dim",
    "OMITTED": "dim",
}


def results() -> Console:
    """The console on stdout."""
    return _console(sys.stdout)


def messages() -> Console:
    """The console on stderr: errors, questions, hints."""
    return _console(sys.stderr)


def _console(file: TextIO) -> Console:
    eyes = file.isatty()
    return Console(file=file, width=None if eyes else UNBOUNDED, highlight=False, markup=False, emoji=False)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table without lines; the columns named in `right` are numbers."""
    empty = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in columns:
        empty.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return empty


def state(status: str) -> Text:
    """A state in its colour."""
    return Text(printable(status), STYLES.get(status, ""))


def printable(text: str) -> str:
    """The text with control characters spelt out: what a partner answered must not steer a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def raw(content: bytes) -> None:
    """Bytes to stdout as they are, ending with a newline."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content if content.endswith(b"\n") else content + b"\n")
    sys.stdout.buffer.flush()
