"""`perdure jobs list`: jobs, newest first."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs.format import moment, span
from perdure.cli.paging import joined, pages
from perdure.client import Job, JobPage
from perdure.client import call as calls
from perdure.client.connection import Exchange
from perdure.contract.state import JobStatus

MAX_PAGE = 200
_SPARE = ("ran", "attempts", "created", "name")
States = Annotated[
    list[JobStatus] | None,
    typer.Option("--status", case_sensitive=False, help="Only jobs in this state; may be repeated.", metavar="STATE"),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="KEY=VALUE", help="Only jobs with this label; may be repeated."),
]


def list_jobs(
    session: Session,
    status: States = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only jobs of this type.")] = None,
    label: Labels = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MAX_PAGE, help="Jobs (a page).")] = 50,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every page, not only the first.")] = False,
) -> None:
    """List jobs, newest first."""
    query: calls.JobQuery = {"status": status or [], "labels": _pairs(label or []), "limit": limit}
    if type_ is not None:
        query["type"] = type_
    if all_:
        query["limit"] = MAX_PAGE
    found = pages(session.client, lambda cursor: calls.list_jobs(**_from(query, cursor)))
    _show(session, islice(found, None if all_ else 1))


def _from(query: calls.JobQuery, cursor: str | None) -> calls.JobQuery:
    begun = query.copy()
    begun["cursor"] = cursor
    return begun


def _show(session: Session, found: Iterator[Exchange[JobPage]]) -> None:
    fetched = list(found)
    if session.json:
        screen.raw(joined([exchange.answer.content for exchange in fetched]))
        return
    jobs = [job for exchange in fetched for job in exchange.value.data]
    if not jobs:
        session.err.print("No jobs.")
        return
    session.out.print(_table(jobs))
    if fetched[-1].value.page.has_more:
        session.err.print("There are more: --all, or a larger --limit.", style="dim")


def _table(jobs: list[Job]) -> Table:
    table = screen.table("id", "name", "state", "created", "ran", "attempts", "why", right=["attempts"], spare=_SPARE)
    for job in jobs:
        table.add_row(
            Text(screen.printable(job.id), "bold"),
            screen.printable(job.name),
            screen.state(job.status),
            moment(job.created_at),
            span(job.execution_ms),
            str(job.attempts),
            screen.printable(job.status_reason or ""),
        )
    return table


def _pairs(labels: list[str]) -> dict[str, str]:
    pairs = {}
    for label in labels:
        key, equals, wanted = label.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"a label is KEY=VALUE, not {label!r}", param_hint="--label")
        pairs[key] = wanted
    return pairs
