"""`perdure dead-letters list|groups|get`: what is parked, why, since when, and for how long."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.dead_letters import filter as by
from perdure.cli.jobs.format import cut, moment, span
from perdure.cli.jobs.job_id import JobId
from perdure.client import dead_letter as calls
from perdure.client.dead_letter import DeadLetter, Group

Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many (a page).")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Go on after an earlier page.")]
_MESSAGE = 90
_TYPES = 3
"""Types that a group is shown with."""


class GroupState(StrEnum):
    """Which groups are listed."""

    PARKED = "PARKED"
    RESOLVED = "RESOLVED"
    ALL = "ALL"


State = Annotated[
    GroupState, typer.Option("--state", case_sensitive=False, help="Also what was brought home, of the last 30 days.")
]


@by.takes_filter()
def list_(
    session: Session,
    *,
    chosen: by.Chosen,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """List what is parked, by job, the last parked first."""
    exchange = session.client.exchange(calls.list_dead_letters(**chosen, limit=limit, cursor=cursor))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    if not exchange.value.data:
        session.err.print("Nothing is parked.")
        return
    table = screen.table("job", "name", "parked", "expires", "step", "code", "why")
    for one in exchange.value.data:
        table.add_row(*_row(one))
    session.out.print(table)
    _tell_more(session, exchange.value.page.cursor)


@by.takes_filter()
def groups(
    session: Session,
    *,
    chosen: by.Chosen,
    state: State = GroupState.PARKED,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """What is parked by kind of failure, the most frequent first; --state RESOLVED: what was brought home."""
    also = None if state is GroupState.PARKED else state.value
    exchange = session.client.exchange(calls.list_groups(**chosen, state=also, limit=limit, cursor=cursor))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    if not exchange.value.data:
        session.err.print("Nothing is parked." if state is GroupState.PARKED else "There are none.")
        return
    numbers = ["parked", "jobs", "resolved"]
    table = screen.table("fingerprint", *numbers, "first", "last", "types", "code", "why", right=numbers)
    for one in exchange.value.data:
        seen = (moment(one.first_seen), moment(one.last_seen))
        counts = (str(one.count), str(one.jobs), str(one.resolved))
        why = cut(one.error.message, _MESSAGE)
        table.add_row(Text(one.fingerprint, "bold"), *counts, *seen, _types(one), screen.printable(one.error.code), why)
    session.out.print(table)
    if state is not GroupState.RESOLVED:
        session.err.print(
            "Bring a group home: perdure bulk-actions start retry --fingerprint … --reason …", style="dim"
        )
    _tell_more(session, exchange.value.page.cursor)


def get(session: Session, job_id: JobId) -> None:
    """One parked job: what is parked with its attempts, how long it is kept, what to read and what to do."""
    exchange = session.client.exchange(calls.get_dead_letter(job_id))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    found = exchange.value
    left = span(found.retention_left_ms)
    head = f"{found.id}  {found.job.name}  parked {moment(found.parked_at)}, expires in {left}"
    session.out.print(screen.printable(head), soft_wrap=True)
    for unit in found.parked:
        status = f" (HTTP {unit.http_status})" if unit.http_status else ""
        said = f"  {unit.unit}  {unit.step_type}  {unit.error.code}{status}: {unit.error.message}"
        session.out.print(screen.printable(said), soft_wrap=True)
        for tried in unit.attempts:
            error = f"{tried.error.code}: {cut(tried.error.message, _MESSAGE)}" if tried.error else ""
            line = (
                f"    round {tried.round} attempt {tried.attempt}  {moment(tried.started_at)}  {tried.outcome}  {error}"
            )
            session.out.print(screen.printable(line), soft_wrap=True)
        if unit.force_required:
            session.out.print("    it may have taken effect: a retry needs --force")
        if unit.runbook:
            session.out.print(f"    read {unit.runbook}")
    session.err.print(f"Decide: perdure dead-letters retry|skip|discard {found.id} --reason …", style="dim")


def _types(group: Group) -> str:
    """The types of the jobs, with how many units of each where there are several."""
    if len(group.job_types) == 1:
        return screen.printable(group.job_types[0].type)
    told = [f"{one.type} {one.count + one.resolved}" for one in group.job_types[:_TYPES]]
    more = len(group.job_types) - _TYPES
    return screen.printable(", ".join([*told, f"{more} more"] if more > 0 else told))


def _row(one: DeadLetter) -> tuple[Text | str, ...]:
    first = one.parked[0]
    step = first.unit if one.parked_count == 1 else f"{first.unit} and {one.parked_count - 1} more"
    times = (moment(one.parked_at), moment(one.expires_at))
    job = Text(screen.printable(one.id), "bold")
    return job, screen.printable(one.job.name), *times, step, first.error.code, cut(first.error.message, _MESSAGE)


def _tell_more(session: Session, cursor: str | None) -> None:
    if cursor is not None:
        session.err.print(f"There are more: --cursor {cursor}", style="dim", soft_wrap=True)
