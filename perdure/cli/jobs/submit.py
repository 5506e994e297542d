"""`perdure jobs submit`: a job spec from a file or stdin, sent as it is; the API judges it."""

import sys
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from perdure.cli import failure, screen
from perdure.cli.api_command import Session
from perdure.cli.jobs.watch import follow, result
from perdure.client import DryRun, ProblemError, Submission
from perdure.client import call as calls
from perdure.client.connection import Exchange

T = TypeVar("T")


def submit(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The job spec (JSON); `-` reads it from stdin.")],
    key: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="KEY",
            help="Idempotency key: submitting the same spec under it again starts nothing new.",
        ),
    ] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay until the job has ended.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the spec; start nothing.")] = False,
) -> None:
    """Submit a job. Returns once it is durably accepted; with `--watch`, once it has ended."""
    if dry_run:
        _show_dry_run(session, _send(session, file, calls.dry_run(_read(file), idempotency_key=key)))
        return
    told(session, _send(session, file, calls.submit(_read(file), idempotency_key=key)), watch=watch)


def told(session: Session, exchange: Exchange[Submission], *, watch: bool) -> None:
    """Say which job a submission led to; with `watch`, stay until it has ended."""
    submission = exchange.value
    if not session.json:
        words = "was there already (same key, same spec)" if submission.replayed else "accepted"
        session.out.print(f"{submission.job.id} {words}", soft_wrap=True)
    elif not watch:
        screen.raw(exchange.answer.content)
    if watch:
        result(session, follow(session, submission.job.id))
    elif not session.json:
        session.err.print(f"See how it does: perdure jobs watch {submission.job.id}", style="dim")


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {file!r}: {error.strerror}", param_hint="FILE") from error


def _send(session: Session, file: str, call: calls.Call[T]) -> Exchange[T]:
    try:
        return session.client.exchange(call)
    except ProblemError as error:
        failure.show(error, session.err, about="stdin" if file == "-" else file)
        raise typer.Exit(failure.exit_code(error)) from None


def _show_dry_run(session: Session, exchange: Exchange[DryRun]) -> None:
    if session.json:
        screen.raw(exchange.answer.content)
    else:
        count = len(exchange.value.spec.get("steps", []))
        session.out.print(f"The spec would be accepted: {count} steps. Nothing was started.")
