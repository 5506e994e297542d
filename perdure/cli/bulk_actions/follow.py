"""`perdure bulk-actions list|get|abort`, and following an action to its end."""

from typing import Annotated

import typer
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.dead_letters.decide import Why
from perdure.cli.dead_letters.listing import Cursor, Limit
from perdure.cli.exit_code import ExitCode
from perdure.cli.jobs.format import moment
from perdure.client import bulk as calls
from perdure.client.bulk import BulkAction
from perdure.client.connection import Exchange

_SHOWN = 20
ActionId = Annotated[str, typer.Argument(metavar="ID", help="Id of the bulk action.")]
Follow = Annotated[bool, typer.Option("--follow", help="Until it has ended.")]


def list_(session: Session, limit: Limit = 20, cursor: Cursor = None) -> None:
    """Bulk actions, newest first."""
    exchange = session.client.exchange(calls.list_actions(limit=limit, cursor=cursor))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    if not exchange.value.data:
        session.err.print("No bulk actions.")
        return
    table = screen.table("id", "action", "state", "jobs", "requested", "by", "reason", right=["jobs"])
    for one in exchange.value.data:
        told = (moment(one.requested_at), screen.printable(one.requested_by), screen.printable(one.reason))
        table.add_row(Text(one.id, "bold"), one.action, screen.state(one.status), str(one.total), *told)
    session.out.print(table)


def get(session: Session, action_id: ActionId, *, follow_: Follow = False) -> None:
    """How far a bulk action is, and which jobs did not take the decision."""
    follow(session, session.client.exchange(calls.get_action(action_id)), wait=follow_)


def abort(session: Session, action_id: ActionId, reason: Why) -> None:
    """Send no more decisions; those that were sent stay."""
    exchange = session.client.exchange(calls.abort(action_id, reason))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    session.out.print(
        f"{exchange.value.id} sends no more. See what it did: perdure bulk-actions get {exchange.value.id}"
    )


def follow(session: Session, exchange: Exchange[BulkAction], *, wait: bool) -> None:
    """Tell an action, once it has ended where that is wanted. Exits 1 where a job did not take the decision."""
    if wait and not exchange.value.final:
        _watch(session, exchange.value)
        exchange = session.client.exchange(calls.get_action(exchange.value.id))
    done = exchange.value
    if session.json:
        screen.raw(exchange.answer.content)
    else:
        _tell(session, done)
    if done.finished_at is not None and not done.well:
        raise typer.Exit(ExitCode.FAILED)


def _watch(session: Session, action: BulkAction) -> None:
    """Until it has ended, with a line that tells a terminal how far it is. Bears an API that restarts meanwhile."""
    abort = f"stop it: perdure bulk-actions abort {action.id} --reason …"
    with session.err.status("") as line:
        for seen in session.client.watch_bulk_action(action.id):
            line.update(Text(f"{seen.status}: {seen.decided:,} of {seen.total:,} jobs decided; {abort}"))


def _word(status: str) -> str:
    return status.lower().replace("_", " ")


def _tell(session: Session, done: BulkAction) -> None:
    counts = ", ".join(f"{number:,} {_word(status)}" for status, number in sorted(done.counts.items()))
    said = f"{done.id}  {done.action} {done.status}: {counts} of {done.total:,} jobs"
    session.out.print(screen.printable(said), soft_wrap=True)
    session.out.print(screen.printable(f"  by {done.requested_by}: {done.reason}"), soft_wrap=True)
    if done.problem:
        session.out.print(screen.printable(f"  {done.problem}"), soft_wrap=True)
    for status in ("REFUSED", "UNANSWERED"):
        if done.counts.get(status):
            shown = session.client.bulk_action_items(done.id, status=status, limit=_SHOWN).data
            for item in shown:
                line = f"  {item.job_id}  {item.status}  {item.code}: {item.detail}"
                session.out.print(screen.printable(line), soft_wrap=True)
            more = done.counts[status] - len(shown)
            if more > 0:
                session.out.print(f"  … and {more:,} more {status}")
