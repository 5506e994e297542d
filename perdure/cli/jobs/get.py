"""`perdure jobs get`: one job, whole."""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs import picture
from perdure.cli.jobs.format import moment, value
from perdure.cli.jobs.job_id import JobId
from perdure.cli.paging import joined, pages
from perdure.client import JournalEntry, JournalPage
from perdure.client import call as calls
from perdure.client.connection import Exchange

JOURNAL_PAGE = 200


def get(
    session: Session,
    job_id: JobId,
    *,
    journal: Annotated[bool, typer.Option("--journal", help="Also what happened, event by event.")] = False,
) -> None:
    """Show a job: its state, its steps, every failed attempt.

    With `-o json` the API's view of the job; with `--journal` its journal instead.
    """
    if session.json:
        _print_json(session, job_id, journal=journal)
        return
    job = session.client.get(job_id)
    session.out.print(picture.header(job))
    session.out.print()
    session.out.print(picture.steps(job))
    if job.output is not None:
        session.out.print(Text.assemble(("\noutput  ", "dim"), value(job.output)))
    if journal:
        _print_journal(session, job_id)
    if advice := picture.hint(job):
        session.err.print(f"\n{advice}", style="dim")


def _print_json(session: Session, job_id: str, *, journal: bool) -> None:
    if journal:
        screen.raw(joined([exchange.answer.content for exchange in _journal(session, job_id)]))
    else:
        screen.raw(session.client.exchange(calls.get_job(job_id)).answer.content)


def _journal(session: Session, job_id: str) -> Iterator[Exchange[JournalPage]]:
    return pages(session.client, lambda cursor: calls.journal(job_id, limit=JOURNAL_PAGE, cursor=cursor))


def _print_journal(session: Session, job_id: str) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("seq", "at", "event", "step", "attempt", "actor", "data", "Temporal event"):
        table.add_column(name, overflow="fold")
    for exchange in _journal(session, job_id):
        for entry in exchange.value.data:
            table.add_row(*_cells(entry))
    session.out.print()
    session.out.print(table)


def _cells(entry: JournalEntry) -> tuple[str, ...]:
    return (
        str(entry.seq),
        moment(entry.at),
        screen.printable(entry.type),
        screen.printable(entry.step_id or ""),
        "" if entry.attempt is None else str(entry.attempt),
        screen.printable(entry.actor or ""),
        value(entry.data, picture.DETAIL) if entry.data else "",
        "" if entry.event_id is None else str(entry.event_id),
    )
