"""`perdure bulk-actions start`: what is decided about which parked jobs, and how carefully."""

from typing import Annotated, Any

import typer

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.bulk_actions.follow import follow
from perdure.cli.dead_letters import filter as by
from perdure.cli.dead_letters.decide import Why
from perdure.cli.jobs.job_id import full_id
from perdure.cli.jobs.option import Force, Key
from perdure.cli.jobs.value import json_value
from perdure.client import bulk as calls
from perdure.contract.bulk import BulkVerb

Action = Annotated[BulkVerb, typer.Argument(metavar="retry|skip|discard", case_sensitive=False)]
Jobs = Annotated[list[str] | None, typer.Option("--job", metavar="ID", help="This job; repeat for several.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count, and show some of the jobs.")]
Canary = Annotated[
    int | None, typer.Option("--canary", min=1, max=1000, help="So many first; the others only if these do well.")
]
Within = Annotated[
    str | None, typer.Option("--canary-within", metavar="5m", help="How long the canary is watched (5m).")
]
Rate = Annotated[float | None, typer.Option("--rate", min=0.1, max=1000, help="Jobs a second at most.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not follow it to its end.")]
SkippedStep = Annotated[str | None, typer.Option("--step", metavar="STEP", help="Of skip: what counts as done.")]
Output = Annotated[str | None, typer.Option("--with-output", metavar="JSON|@FILE", help="Of skip: its output.")]


@by.takes_filter()
def start(
    session: Session,
    action: Action,
    *,
    chosen: by.Chosen,
    reason: Why,
    job: Jobs = None,
    canary: Canary = None,
    canary_within: Within = None,
    rate: Rate = None,
    skipped: SkippedStep = None,
    with_output: Output = None,
    force: Force = False,
    key: Key = None,
    dry_run: DryRun = False,
    no_wait: NoWait = False,
) -> None:
    """Decide about the jobs named (--job), or about all parked ones that the other options mean."""
    if bool(job) is bool(chosen):
        raise typer.BadParameter("say which jobs: with --job, or with what they have in common (--fingerprint, …)")
    skips = action is BulkVerb.SKIP
    if (skipped is not None, with_output is not None) != (skips, skips):
        raise typer.BadParameter("skip, and only skip, takes --step and --with-output: what counts as done, with what")
    careful = {"canary": canary, "canary_within": canary_within, "rate_per_second": rate, "force": force or None}
    wanted: dict[str, Any] = {
        "action": action.value,
        "reason": reason,
        "ids": [full_id(one) for one in job] if job else None,
        "filter": chosen or None,
        "step": skipped,
        **careful,
    }
    sent = _given(wanted)
    if with_output is not None:
        sent["output"] = json_value(with_output, "--with-output")
    if dry_run:
        _preview(session, sent)
        return
    _ask(session, action, sent)
    exchange = session.client.exchange(calls.start(sent, idempotency_key=key))
    follow(session, exchange, wait=not no_wait)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _ask(session: Session, action: BulkVerb, sent: dict[str, Any]) -> None:
    """Somebody at a terminal is told how many jobs it is about before anything is done."""
    if session.yes or not session.err.is_terminal:
        return
    total = session.client.exchange(calls.preview(sent)).value.total
    session.confirm(f"{action.value.capitalize()} {total:,} jobs?")


def _preview(session: Session, sent: dict[str, Any]) -> None:
    exchange = session.client.exchange(calls.preview(sent))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    found = exchange.value
    idle = f" Of {found.not_parked} of them nothing is parked now." if found.not_parked else ""
    session.out.print(f"It would be about {found.total:,} jobs.{idle}")
    for job_id in found.sample:
        session.out.print(f"  {screen.printable(job_id)}")
    if found.total > len(found.sample):
        session.out.print(f"  … and {found.total - len(found.sample)} more")
