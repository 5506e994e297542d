"""`perdure jobs watch`: a job live until it has ended or is parked; lines where there is no terminal."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from perdure.cli import screen
from perdure.cli.api_command import Session
from perdure.cli.exit_code import ExitCode
from perdure.cli.jobs import picture
from perdure.cli.jobs.format import value
from perdure.cli.jobs.job_id import JobId
from perdure.cli.jobs.live_view import LiveView
from perdure.cli.jobs.narration import Narrator
from perdure.client import Job
from perdure.client import call as calls


def watch(
    session: Session,
    job_id: JobId,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0, metavar="SECONDS", help="Give up (exit 5) after this time."),
    ] = None,
) -> None:
    """Watch a job until it has ended. Exits 0 if it completed, 5 if not, or if it is parked.

    With `-o json` nothing is printed until then; then the job, as the API shows it.
    """
    result(session, follow(session, job_id, timeout=timeout))


def follow(session: Session, job_id: str, *, timeout: float | None = None) -> Job:
    """Show the job until it has ended or is parked, and return it so."""
    looks = _until_decided(session, job_id, timeout)
    if session.json:
        *_, job = looks
        return job
    return _live(session, looks) if session.out.is_terminal else _lines(session, looks)


def result(session: Session, job: Job) -> None:
    """Print how the job stands now and leave with the exit code that says it."""
    if session.json:
        screen.raw(session.client.exchange(calls.get_job(job.id)).answer.content)
    elif job.output is not None:
        session.out.print(Text.assemble(("output  ", "dim"), value(job.output)))
    if advice := picture.hint(job):
        session.err.print(advice)
    if not job.completed:
        raise typer.Exit(ExitCode.NOT_COMPLETED)


def _until_decided(session: Session, job_id: str, timeout: float | None) -> Iterator[Job]:
    for job in session.client.watch(job_id, timeout=timeout):
        if job.parked:
            # the view may lag: a job retried a moment ago still shows as parked
            now = session.client.get(job_id, strong=True)
            yield now
            if now.parked:
                return
        else:
            yield job


def _lines(session: Session, looks: Iterator[Job]) -> Job:
    begun = time.monotonic()
    narrator = Narrator()
    job = next(looks)
    while True:
        for line in narrator.lines(job):
            session.out.print(Text(f"{time.monotonic() - begun:7.2f} s  ", "dim") + line, soft_wrap=True)
        following = next(looks, None)
        if following is None:
            return job
        job = following


def _live(session: Session, looks: Iterator[Job]) -> Job:
    job = next(looks)
    with LiveView(session.out, _whole) as view:
        view.show(job)
        for job in looks:
            view.show(job)
    return job


def _whole(job: Job) -> RenderableType:
    return Group(picture.header(job), Text(), picture.steps(job))
