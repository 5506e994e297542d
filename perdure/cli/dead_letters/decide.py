"""`perdure dead-letters retry|skip|discard`: what becomes of a parked job, with who decided and why."""

from typing import Annotated

import typer

from perdure.cli.api_command import Session
from perdure.cli.jobs.job_id import JobId
from perdure.cli.jobs.option import Force, FromStep, Key, PatchText, Steps
from perdure.cli.jobs.told import decide
from perdure.cli.jobs.value import json_object, json_value
from perdure.client import decision as decisions

Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the job's journal.")]


def retry(
    session: Session,
    job_id: JobId,
    *,
    reason: Why,
    step: Steps = None,
    from_step: FromStep = None,
    patch: PatchText = None,
    key: Key = None,
    force: Force = False,
) -> None:
    """Run what is parked again; completed steps are kept."""
    options: decisions.Again = {"steps": step or (), "from_step": from_step, "force": force, "idempotency_key": key}
    if patch is not None:
        options["patch"] = json_object(patch, "--patch")
    decide(session, decisions.retry_dead_letter(job_id, reason, **options), "{id} tries again: {steps}")


def skip(
    session: Session,
    job_id: JobId,
    *,
    reason: Why,
    step: Annotated[str, typer.Option("--step", metavar="STEP", help="What is parked: a step, or an item of one.")],
    given: Annotated[
        str, typer.Option("--with-output", metavar="JSON|@FILE", help="What later steps see as its output.")
    ],
    key: Key = None,
) -> None:
    """Let a parked step count as done, with an output that you supply; the steps after it run."""
    output = json_value(given, "--with-output")
    call = decisions.skip(job_id, step, output, reason, idempotency_key=key)
    decide(session, call, "{id} goes on without {steps}.")


def discard(session: Session, job_id: JobId, reason: Why, key: Key = None) -> None:
    """Give the job up: what completed is compensated, then it ends FAILED (DISMISSED). This is final."""
    session.confirm(f"Discard {job_id}? It cannot be brought home afterwards.")
    decide(session, decisions.discard(job_id, reason, idempotency_key=key), "{id} is given up.")
