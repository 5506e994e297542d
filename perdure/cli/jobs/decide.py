"""`perdure jobs cancel` and `perdure jobs retry`: decisions of a person, kept with who and why."""

from typing import Annotated

import typer

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.jobs.job_id import JobId
from perdure.client import call as calls

Reason = Annotated[str | None, typer.Option("--reason", help="Why; kept in the job's journal.")]


def cancel(session: Session, job_id: JobId, reason: Reason = None) -> None:
    """Ask a job to stop. Running steps are told; it ends CANCELED, and that is final."""
    session.confirm(f"Cancel {job_id}?")
    exchange = session.client.exchange(calls.cancel(job_id, reason=reason))
    if session.json:
        screen.raw(exchange.answer.content)
    else:
        session.out.print(f"{job_id} is asked to stop. See it end: perdure jobs watch {job_id}")


def retry(
    session: Session,
    job_id: JobId,
    reason: Reason = None,
    step: Annotated[
        list[str] | None, typer.Option("--step", help="Only this parked step; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Bring a dead-lettered job home: its parked steps run again, completed ones do not."""
    exchange = session.client.exchange(calls.retry(job_id, reason=reason, steps=step or ()))
    if session.json:
        screen.raw(exchange.answer.content)
        return
    steps = ", ".join(exchange.value.steps or step or ["every parked step"])
    session.out.print(f"{job_id} tries again: {screen.printable(steps)}")
    session.err.print(f"See how it does: perdure jobs watch {job_id}", style="dim")
