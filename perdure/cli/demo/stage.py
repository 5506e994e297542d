"""The demo's voice: headings, jobs while they run, checks; live on a terminal, plain lines elsewhere."""

import textwrap
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from perdure.cli.demo.scenario import Check, Scenario
from perdure.cli.jobs import picture
from perdure.cli.jobs.live_view import LiveView
from perdure.cli.jobs.narration import Narrator
from perdure.cli.screen import state
from perdure.client import Job

INDENT = 5
WIDTH = 100


class Stage:
    """Everything the demo prints goes through here."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._narrator = Narrator()
        self._begun = time.monotonic()

    def say(self, words: str = "", style: str = "") -> None:
        """A paragraph."""
        self._print(Text(self._filled(words), style))

    def heading(self, number: int, count: int, scenario: Scenario) -> None:
        """What comes next and why it matters."""
        self.say()
        self.say(f"{number}/{count}  {scenario.title}", "bold cyan")
        self.aside(scenario.why)
        self._narrator = Narrator()
        self._begun = time.monotonic()

    def follow(self, words: str) -> None:
        """Another job is shown from here on."""
        self.aside(words)
        self._narrator = Narrator()

    def aside(self, words: str, style: str = "") -> None:
        """An indented paragraph."""
        self._print(Text(self._filled(words, " " * INDENT), style))

    def command(self, line: str) -> None:
        """A command line as one would type it; never wrapped, so that it can be copied."""
        self._print(Text(f"{' ' * INDENT}$ {line}", "bold"))

    async def show(self, looks: AsyncIterator[Job]) -> Job:
        """Show a job as it changes, until `looks` ends; return the last look."""
        return await (self._live(looks) if self._console.is_terminal else self._lines(looks))

    async def _lines(self, looks: AsyncIterator[Job]) -> Job:
        async for job in looks:
            for line in self._narrator.lines(job):
                elapsed = f"{time.monotonic() - self._begun:9.2f} s  "
                self._print(Text(elapsed, "dim") + line)
        return job

    async def _live(self, looks: AsyncIterator[Job]) -> Job:
        with LiveView(self._console, _drawn) as view:
            async for job in looks:
                view.show(job)
        return job

    def checks(self, checks: Sequence[Check]) -> None:
        """A mark and a sentence for each."""
        for check in checks:
            mark, style = ("✓ ", "bold green") if check.held else ("✗ NOT SO: ", "bold red")
            text = Text(self._filled(mark + check.words, " " * INDENT))
            text.stylize(style, INDENT, INDENT + len(mark))
            self._print(text)

    def table(self, table: Table) -> None:
        """A table at the margin."""
        self._print(table)

    def _filled(self, words: str, indent: str = "") -> str:
        """The words in lines of a width that can be read, whatever the screen is."""
        wrapper = textwrap.TextWrapper(
            width=min(WIDTH, self._console.width),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return "\n".join(wrapper.fill(line) for line in words.split("\n"))

    def _print(self, what: RenderableType) -> None:
        """Print it. A screen that went away must not keep the demo from stopping what it started."""
        with suppress(OSError, SystemExit):
            self._console.print(what, soft_wrap=not isinstance(what, Table))


def _drawn(job: Job) -> RenderableType:
    title = Text.assemble((job.id, "bold"), "  ", state(job.status), "  ", (job.status_reason or "", "dim"))
    return Padding(Group(title, picture.steps(job)), (0, 0, 0, INDENT), expand=False)
