"""`perdure dead-letters retrying|retry-now|give-up`: what fails but lives, and its next attempt."""

from typing import Annotated

import typer
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.dead_letters import filter as by
from perdure.cli.dead_letters.decide import Why
from perdure.cli.dead_letters.listing import Cursor, Limit
from perdure.cli.jobs.format import cut, moment
from perdure.cli.jobs.job_id import JobId
from perdure.cli.jobs.told import decide
from perdure.client import dead_letter as calls

Retrying = Annotated[
    list[str] | None,
    typer.Option("--step", metavar="STEP", help="Only this; may be repeated. Default: all that waits."),
]
Ended = Annotated[list[str], typer.Option("--step", metavar="STEP", help="What is not to be attempted again.")]
_MESSAGE = 90


@by.takes_filter(by.ALIVE)
def retrying(
    session: Session,
    *,
    chosen: by.Chosen,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """Jobs that fail but live: what is attempted again, and when."""
    exchange = session.client.exchange(calls.list_retrying(**chosen, limit=limit, cursor=cursor))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    if not exchange.value.data:
        session.err.print("Nothing is being retried.")
        return
    table = screen.table("job", "step", "attempt", "next", "code", "why", right=["attempt"])
    for job in exchange.value.data:
        for unit in job.retrying:
            when = "paused" if unit.paused else moment(unit.next_retry_at)
            why = (screen.printable(unit.error.code), cut(unit.error.message, _MESSAGE))
            table.add_row(Text(screen.printable(job.id), "bold"), unit.unit, str(unit.attempt), when, *why)
    session.out.print(table)
    if exchange.value.page.cursor:
        session.err.print(f"There are more: --cursor {exchange.value.page.cursor}", style="dim", soft_wrap=True)


def retry_now(session: Session, job_id: JobId, reason: Why, step: Retrying = None) -> None:
    """Attempt it now instead of waiting for it; attempts are counted as ever."""
    decide(session, calls.retry_now(job_id, reason, step or ()), "{id} attempts {steps} now.")


def give_up(session: Session, job_id: JobId, reason: Why, step: Ended) -> None:
    """Attempt it no more: the step fails for good at once, and is parked unless it is caught."""
    decide(session, calls.give_up(job_id, reason, step), "{id} attempts {steps} no more.")
