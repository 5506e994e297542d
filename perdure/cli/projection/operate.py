"""`perdure projection check` and `perdure projection rebuild`: asked for, waited for, told."""

import time
from typing import Annotated

import typer
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.exit_code import ExitCode
from perdure.cli.jobs.job_id import full_id
from perdure.client import projection as calls
from perdure.client.projection import Finding, Operation

_PAUSE = 0.5
_SHOWN = 20

Job = Annotated[list[str] | None, typer.Option("--job", metavar="ID", help="Only this job; repeat for several.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; kept with the operation.")]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait no longer (exit 5); it goes on all the same."),
]


def check(session: Session, job: Job = None, reason: Reason = None, timeout: Timeout = None) -> None:
    """Hold the tables against the histories and name what differs. Exits 1 if anything does; changes nothing."""
    _operate(session, "check", job, reason, timeout)


def rebuild(session: Session, job: Job = None, reason: Reason = None, timeout: Timeout = None) -> None:
    """Fold the histories again and make anew the rows that are wrong or missing; all others stay as they are."""
    if job is None:
        session.confirm("Hold all jobs against their histories and mend what differs?")
    _operate(session, "rebuild", job, reason, timeout)


def _operate(session: Session, verb: str, jobs: list[str] | None, reason: str | None, timeout: float | None) -> None:
    asked = session.client.exchange(calls.start(verb, reason=reason, job_ids=[full_id(job) for job in jobs or ()]))
    done = _wait(session, asked.value, timeout)
    if session.json:
        session.out.print_json(done.model_dump_json())
    else:
        _tell(session, done)
    if done.finished_at is None:
        raise typer.Exit(ExitCode.NOT_COMPLETED)
    if not done.well:
        raise typer.Exit(ExitCode.FAILED)


def _wait(session: Session, asked: Operation, timeout: float | None) -> Operation:
    """The operation once it is finished, or as it is when the time is over."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        found = session.client.exchange(calls.projection()).value.operations
        asked = next((each for each in found if each.id == asked.id), asked)
        if asked.finished_at is not None or (deadline is not None and time.monotonic() > deadline):
            return asked
        time.sleep(_PAUSE)


def _tell(session: Session, done: Operation) -> None:
    for finding in done.findings[:_SHOWN]:
        session.out.print(_line(finding))
    if len(done.findings) > _SHOWN:
        session.err.print(f"… and more: perdure projection {done.kind.lower()} -o json shows the first hundred")
    counts = done.counts
    said = f"{done.kind.lower()} {done.status.lower()}: {counts.jobs} jobs, {counts.drifted} not as their histories"
    mended = f", {counts.mended} mended" if done.kind == "REBUILD" else ""
    others = [
        (counts.moving, "still moving"),
        (counts.unreadable, "unreadable"),
        (counts.unknown, "unknown to Temporal"),
    ]
    rest = "".join(f", {number} {word}" for number, word in others if number)
    session.out.print(screen.printable(f"{said}{mended}{rest}" + (f" ({done.problem})" if done.problem else "")))


def _line(finding: Finding) -> Text:
    place = f"  {finding.table} {finding.row}" if finding.table else ""
    columns = f"  {', '.join(finding.columns)}" if finding.columns else ""
    problem = f"  {finding.problem}" if finding.problem else ""
    what = screen.printable(f"  {finding.job_id}{place}{columns}{problem}")
    return Text.assemble((screen.printable(finding.kind), "yellow"), what)
