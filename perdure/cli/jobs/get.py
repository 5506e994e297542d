"""`perdure jobs get`: one job, whole."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs import picture, why
from perdure.cli.jobs.format import between, cut, value
from perdure.cli.jobs.job_id import JobId
from perdure.cli.paging import joined, pages
from perdure.client import ClientError, Job, JournalEntry, JournalPage
from perdure.client import call as calls
from perdure.client.connection import Exchange

JOURNAL_PAGE = 200
TOLD = ("reason", "steps", "via", "problem", "resolution", "child", "worker")
"""Fields of a journal event's data that are shown in the table."""


def get(
    session: Session,
    job_id: JobId,
    *,
    journal: Annotated[bool, typer.Option("--journal", help="Also what happened, event by event.")] = False,
) -> None:
    """Show a job: its state, its steps, every failed attempt; of one that fails, why (more: `jobs diagnose`).

    With `-o json` the API's view of the job; with `--journal` its journal instead.
    """
    if session.json:
        _print_json(session, job_id, journal=journal)
        return
    job = session.client.get(job_id)
    session.out.print(picture.header(job))
    session.out.print()
    session.out.print(picture.steps(job))
    if job.children:
        session.out.print()
        session.out.print(picture.children(job))
    if job.error is not None:
        _print_why(session, job_id)
    if job.output is not None:
        session.out.print(Text.assemble(("\noutput  ", "dim"), value(job.output)))
    if journal:
        _print_journal(session, job)
    if advice := picture.hint(job):
        session.err.print(f"\n{advice}", style="dim")


def _print_why(session: Session, job_id: str) -> None:
    try:
        found = session.client.diagnose(job_id, events=0)
    except ClientError:
        return  # an API of an earlier release has none; the job is shown all the same
    session.out.print()
    session.out.print(why.short(found.diagnosis))


def _print_json(session: Session, job_id: str, *, journal: bool) -> None:
    if journal:
        screen.raw(joined([exchange.answer.content for exchange in _journal(session, job_id)]))
    else:
        screen.raw(session.client.exchange(calls.get_job(job_id)).answer.content)


def _journal(session: Session, job_id: str) -> Iterator[Exchange[JournalPage]]:
    return pages(session.client, lambda cursor: calls.journal(job_id, limit=JOURNAL_PAGE, cursor=cursor))


def _print_journal(session: Session, job: Job) -> None:
    names = ("seq", "after", "event", "step", "actor", "what", "event id")
    table = screen.table(*names, right=["seq", "event id"], spare=["event id", "after"], folds="what")
    for exchange in _journal(session, job.id):
        for entry in exchange.value.data:
            table.add_row(*_cells(entry, job.created_at))
    session.out.print()
    session.out.print(table)


def _cells(entry: JournalEntry, begun: datetime | None) -> tuple[str, ...]:
    step = entry.step_id or ""
    return (
        str(entry.seq),
        between(begun, entry.at),
        screen.printable(entry.type),
        screen.printable(step if entry.attempt is None else f"{step} #{entry.attempt}"),
        screen.printable(entry.actor or ""),
        _told(entry.data),
        "" if entry.event_id is None else str(entry.event_id),
    )


def _told(data: dict[str, Any]) -> str:
    """What a reader wants of an event's data; `-o json` has all of it."""
    error = data.get("error")
    words = [f"{error.get('code')}: {error.get('message')}"] if isinstance(error, dict) else []
    words += [f"{name} {_plain(data[name])}" for name in TOLD if data.get(name) is not None]
    return cut(", ".join(words), picture.DETAIL)


def _plain(told: Any) -> str:
    return " ".join(map(str, told)) if isinstance(told, list) else str(told)
