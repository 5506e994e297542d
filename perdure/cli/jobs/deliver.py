"""`perdure jobs deliver|approve`: what WAIT and APPROVAL steps wait for."""

from typing import Annotated

import typer

from perdure.cli.api_command import Session
from perdure.cli.jobs.job_id import JobId
from perdure.cli.jobs.option import Key, Reason
from perdure.cli.jobs.told import decide
from perdure.cli.jobs.value import json_value
from perdure.client import decision as decisions

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the WAIT step waits for: its `name`.")]
Payload = Annotated[
    str | None,
    typer.Option("--payload", metavar="JSON|@FILE", help="The step's output; `@-` reads stdin. Default: null."),
]


def deliver(
    session: Session, job_id: JobId, name: Name, *, payload: Payload = None, reason: Reason = None, key: Key = None
) -> None:
    """Give a WAIT step what it waits for; also before it begins to wait."""
    value = None if payload is None else json_value(payload, "--payload")
    call = decisions.deliver(job_id, name, value, reason=reason, idempotency_key=key)
    decide(session, call, "{id} has it. {steps}")


def approve(
    session: Session,
    job_id: JobId,
    *,
    step: Annotated[str | None, typer.Option("--step", help="The APPROVAL step. Default: the one that waits.")] = None,
    reason: Reason = None,
    key: Key = None,
    reject: Annotated[bool, typer.Option("--reject", help="Say no instead.")] = False,
) -> None:
    """Approve an APPROVAL step, or reject it. Each person's decision counts once."""
    verdict: decisions.Verdict = "reject" if reject else "approve"
    call = decisions.approve(job_id, verdict, step=step, reason=reason, idempotency_key=key)
    decide(session, call, "{id}: {steps} rejected." if reject else "{id}: {steps} approved.")
