"""Where the CLI writes: results to stdout, everything else to stderr, colours only for eyes."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO, TypeVar

from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

UNBOUNDED = 1_000
"""Columns assumed where nobody looks: a program that reads the output must not find lines cut."""
_GAP = 2
_FOLDED = 22
"""What the column of words is folded down to before others are left out."""

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
    return _Console(file=file, width=None if eyes else UNBOUNDED, highlight=False, markup=False, emoji=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Whoever read has read enough (`| head`)."""
        _end_quietly()


def _end_quietly() -> NoReturn:
    # What is still buffered would fail again when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


class _Fitting(Table):
    """A table that in a narrow terminal leaves out columns it can spare; where none is left, a block a row.

    So ids and states stay in one piece, to be read and copied.
    """

    spare: tuple[str, ...] = ()
    folds: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Whatever fits best."""
        wide = options.update(width=UNBOUNDED)
        needed = [self._needed(console, wide, column) for column in self.columns]
        shown = list(range(len(needed)))
        for name in self.spare:
            if sum(needed[number] for number in shown) > options.max_width:
                shown = [number for number in shown if self.columns[number].header != name]
        if len(shown) == len(needed) and sum(needed) <= options.max_width:
            yield from super().__rich_console__(console, options)
        elif sum(needed[number] for number in shown) <= options.max_width:
            yield self._with([self.columns[number] for number in shown])
        else:
            yield Group(*(self._block(cells) for cells in zip(*(one.cells for one in self.columns), strict=True)))

    def _needed(self, console: Console, options: ConsoleOptions, column: Column) -> int:
        widest = max(Measurement.get(console, options, cell).maximum for cell in (column.header, *column.cells))
        return min(widest, _FOLDED if column.header == self.folds else UNBOUNDED) + _GAP

    def _with(self, columns: Sequence[Column]) -> Table:
        fewer = _empty(Table)
        for column in columns:
            fewer.add_column(column.header, justify=column.justify, overflow=column.overflow, no_wrap=column.no_wrap)
        for cells in zip(*(column.cells for column in columns), strict=True):
            fewer.add_row(*cells)
        return fewer

    def _block(self, cells: Sequence[RenderableType]) -> RenderableType:
        first, *others = cells
        below = Table.grid(padding=(0, _GAP, 0, 0))
        below.add_column(style="dim")
        below.add_column(overflow="fold")
        for column, cell in zip(self.columns[1:], others, strict=True):
            if str(cell).strip():
                below.add_row(f"  {column.header}", cell)
        return Group(first, below) if str(first).strip() else below


_T = TypeVar("_T", bound=Table)


def _empty(kind: type[_T]) -> _T:
    return kind(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")


def table(*columns: str, right: Sequence[str] = (), spare: Sequence[str] = (), folds: str | None = None) -> Table:
    """An empty table without lines.

    Args:
        columns: their names.
        right: those of numbers.
        spare: those that a narrow terminal goes without, the first one first.
        folds: the one that may take several lines: the last, where none is named.
    """
    empty = _empty(_Fitting)
    empty.spare, empty.folds = tuple(spare), folds or columns[-1]
    for name in columns:
        justify: JustifyMethod = "right" if name in right else "left"
        empty.add_column(name, justify=justify, overflow="fold", no_wrap=name != empty.folds)
    return empty


def state(status: str) -> Text:
    """A state in its colour."""
    return Text(printable(status), STYLES.get(status, ""))


def printable(text: str) -> str:
    """The text with control characters spelt out: what a partner answered must not steer a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


def raw(content: bytes) -> None:
    """Bytes to stdout as they are, ending with a newline."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content if content.endswith(b"\n") else content + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _end_quietly()
