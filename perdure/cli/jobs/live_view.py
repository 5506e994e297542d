"""A job drawn on a terminal again and again, so that countdowns run; used by watch and the demo."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from perdure.client import Job

PER_SECOND = 8


class LiveView:
    """Draws the newest look while its `with` block runs, and once more at the end.

    The last drawing is an ordinary print: a live one is cut to the height of the terminal.
    """

    def __init__(self, console: Console, draw: Callable[[Job], RenderableType]) -> None:
        self._console = console
        self._draw = draw
        self._job: Job | None = None
        self._live = Live(console=console, get_renderable=self._drawn, refresh_per_second=PER_SECOND, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if self._job is not None:
            self._console.print(self._drawn())

    def show(self, job: Job) -> None:
        """From now on this is the newest look."""
        self._job = job
        self._live.refresh()

    def _drawn(self) -> RenderableType:
        return Text() if self._job is None else self._draw(self._job)
