"""`perdure jobs list`: jobs, newest first."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.dead_letters import filter as by
from perdure.cli.jobs.format import moment, span
from perdure.cli.jobs.job_id import full_id
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
CorrelationId = Annotated[
    str | None, typer.Option("--correlation-id", metavar="ID", help="Only with this sender's id.")
]
TraceId = Annotated[str | None, typer.Option("--trace-id", metavar="ID", help="Only jobs of this trace.")]
SubmittedBy = Annotated[
    str | None, typer.Option("--submitted-by", metavar="ACTOR", help="Only jobs of this sender: key:NAME.")
]
Parent = Annotated[str | None, typer.Option("--parent", metavar="ID", help="Only jobs that this one started.")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Submitted at or after (RFC 3339).")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Submitted before.")]
Sort = Annotated[
    str | None,
    typer.Option("--sort", metavar="ORDER", help="created_at, completed_at, execution_ms; with - before it backwards."),
]


def list_jobs(
    session: Session,
    *,
    status: States = None,
    type_: by.Type = None,
    label: by.Labels = None,
    queue: by.Queue = None,
    code: by.Code = None,
    fingerprint: by.Fingerprint = None,
    correlation_id: CorrelationId = None,
    trace_id: TraceId = None,
    submitted_by: SubmittedBy = None,
    parent: Parent = None,
    since: Since = None,
    until: Until = None,
    words: by.Words = None,
    sort: Sort = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MAX_PAGE, help="Jobs (a page).")] = 50,
    all_: Annotated[bool, typer.Option("--all", help="Every page, not only the first.")] = False,
) -> None:
    """List jobs, newest first; every option narrows the list further."""
    given = {
        "type": type_,
        "queue": queue,
        "error_code": code,
        "fingerprint": fingerprint,
        "correlation_id": correlation_id,
        "trace_id": trace_id,
        "submitted_by": submitted_by,
        "parent": None if parent is None else full_id(parent),
        "since": since,
        "until": until,
        "q": words,
        "sort": sort,
    }
    query: calls.JobQuery = {"status": status or [], "labels": by.pairs(label), "limit": limit}
    query.update({name: value for name, value in given.items() if value is not None})  # type: ignore[typeddict-item]
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
