"""`perdure jobs diagnose`: why a job is as it is, with all that surrounds its failure."""

from typing import Annotated

import typer
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs import why
from perdure.cli.jobs.job_id import JobId
from perdure.client.diagnosis import JobDiagnosis, diagnose

Events = Annotated[
    int, typer.Option("--events", min=0, max=100, help="Journal events before the failure, and after it, at most.")
]


def diagnose_job(session: Session, job_id: JobId, *, events: Events = 5) -> None:
    """Say why a job is as it is: what failed, since when, how often, what was tried, what can be done next."""
    exchange = session.client.exchange(diagnose(job_id, events=events))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    found = exchange.value
    name = (screen.printable(found.job_id), "bold"), "  ", screen.printable(found.name), "  "
    session.out.print(Text.assemble(*name, screen.state(found.status)))
    session.out.print(why.short(found.diagnosis))
    for title, rows, table in _tables(found):
        if rows:
            session.out.print(f"\n{title}", style="dim")
            session.out.print(table)
    for name_, link in found.links.items():
        if link and name_ != "self":
            session.err.print(f"{name_}  {screen.printable(link)}", style="dim", soft_wrap=True)


def _tables(found: JobDiagnosis) -> list[tuple[str, int, object]]:
    return [
        ("attempts", len(found.failures), why.failures(found)),
        ("around the failure", len(found.events), why.events(found)),
        ("what can be done", len(found.diagnosis.next), why.decisions(found)),
    ]
