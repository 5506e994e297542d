"""`perdure audit list`: entries, newest first."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs.format import moment
from perdure.cli.jobs.job_id import full_id
from perdure.cli.paging import joined, pages
from perdure.client import AuditEntry
from perdure.client import audit as calls

_MAX_PAGE = 200
_SPARE = ("more", "tenant")
Types = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only of this type (KEY_CREATED …); may be repeated.")
]
Actor = Annotated[str | None, typer.Option("--actor", metavar="ACTOR", help="Only what this one did: key:NAME.")]
Job = Annotated[str | None, typer.Option("--job", metavar="ID", help="Only about this job.")]
Subject = Annotated[
    str | None, typer.Option("--subject", metavar="ID", help="Only about this key or this bulk action.")
]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="At or after (RFC 3339).")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before.")]


def list_entries(
    session: Session,
    *,
    type_: Types = None,
    actor: Actor = None,
    job: Job = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_MAX_PAGE, help="Entries (a page).")] = 50,
    all_: Annotated[bool, typer.Option("--all", help="Every page, not only the first.")] = False,
) -> None:
    """List audit entries, newest first; every option narrows the list further."""
    job_id = None if job is None else full_id(job)
    given = {"actor": actor, "job_id": job_id, "subject": subject, "since": since, "until": until}
    query: calls.AuditQuery = {"types": type_ or [], "limit": _MAX_PAGE if all_ else limit}
    query.update({name: value for name, value in given.items() if value is not None})  # type: ignore[typeddict-item]
    found = pages(session.client, lambda cursor: calls.list_entries(**_from(query, cursor)))
    fetched = list(islice(found, None if all_ else 1))
    if session.json:
        screen.raw(joined([exchange.answer.content for exchange in fetched]))
        return
    entries = [entry for exchange in fetched for entry in exchange.value.data]
    if not entries:
        session.err.print("No audit entries.")
        return
    session.out.print(_table(entries))
    if fetched[-1].value.page.has_more:
        session.err.print("There are more: --all, or a larger --limit.", style="dim")


def _from(query: calls.AuditQuery, cursor: str | None) -> calls.AuditQuery:
    begun = query.copy()
    begun["cursor"] = cursor
    return begun


def _table(entries: list[AuditEntry]) -> Table:
    table = screen.table("seq", "at", "type", "tenant", "actor", "about", "more", "reason", right=["seq"], spare=_SPARE)
    for entry in entries:
        table.add_row(
            str(entry.seq),
            moment(entry.at),
            Text(screen.printable(entry.type), "bold"),
            screen.printable(entry.tenant),
            screen.printable(entry.actor),
            screen.printable(entry.job_id or entry.subject or "-"),
            screen.printable(_more(entry)),
            screen.printable(entry.reason or "-"),
        )
    return table


def _more(entry: AuditEntry) -> str:
    """The facts that say something; of those within another, each by its whole name: `filter.step=book`."""
    return " ".join(_told(entry.data))


def _told(data: dict[str, Any], within: str = "") -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _told(value, f"{within}{name}.")
        elif value is True:
            yield f"{within}{name}"
        elif value is not None and value is not False:
            yield f"{within}{name}={value}"
