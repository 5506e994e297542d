"""The demo's voice: headings, jobs while they run, checks; live on a terminal, plain lines elsewhere."""

import time
from collections.abc import AsyncIterator, Sequence

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
        self._console.print(Text(words, style), width=WIDTH, soft_wrap=not self._console.is_terminal)

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
        self._console.print(Padding(Text(words, style), (0, 0, 0, INDENT)), width=WIDTH)

    def command(self, line: str) -> None:
        """A command line as one would type it; never wrapped, so that it can be copied."""
        self._console.print(Text(f"{' ' * INDENT}$ {line}", "bold"), soft_wrap=True)

    async def show(self, looks: AsyncIterator[Job]) -> Job:
        """Show a job as it changes, until `looks` ends; return the last look."""
        return await (self._live(looks) if self._console.is_terminal else self._lines(looks))

    async def _lines(self, looks: AsyncIterator[Job]) -> Job:
        async for job in looks:
            for line in self._narrator.lines(job):
                elapsed = f"{time.monotonic() - self._begun:9.2f} s  "
                self._console.print(Text(elapsed, "dim") + line, soft_wrap=True)
        return job

    async def _live(self, looks: AsyncIterator[Job]) -> Job:
        with LiveView(self._console, _drawn) as view:
            async for job in looks:
                view.show(job)
        return job

    def checks(self, checks: Sequence[Check]) -> None:
        """A mark and a sentence for each."""
        for check in checks:
            mark = ("✓ ", "bold green") if check.held else ("✗ NOT SO: ", "bold red")
            self._console.print(Padding(Text.assemble(mark, check.words), (0, 0, 0, INDENT)), width=WIDTH)

    def table(self, table: Table) -> None:
        """A table at the margin."""
        self._console.print(table)


def _drawn(job: Job) -> RenderableType:
    title = Text.assemble((job.id, "bold"), "  ", state(job.status), "  ", (job.status_reason or "", "dim"))
    return Padding(Group(title, picture.steps(job)), (0, 0, 0, INDENT))
